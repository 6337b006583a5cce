"""The audit of acknowledgements: some seconds later, is what was acknowledged still in the database?

It must be: an event is acknowledged after its commit. Where it is not, a database failed over to a standby that lagged,
was restored from an older backup, or does not write to its disk what it says it does, and nobody else would tell.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Protocol

from services.core.errors import DomainError
from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import AUDITED_EVENTS, LOST_EVENTS

logger = logging.getLogger(__name__)

_SAMPLE_EVENTS = 1000
_INTERVAL_SECONDS = 15.0


class RecordedEvents(Protocol):
    """Where acknowledged events are."""

    async def count_known(self, event_ids: list[str]) -> int:
        """Return how many of the ids are recorded. Raises a DomainError while it cannot be said."""
        ...


class AcknowledgementAudit:
    """Keeps a random sample of what was acknowledged between two looks, and looks for it at the one after."""

    def __init__(self, store: RecordedEvents, sample_events: int = _SAMPLE_EVENTS) -> None:
        """sample_events: So many ids are kept a look; of fewer acknowledged ones, all."""
        self._store = store
        self._sample_events = sample_events
        self._sample: list[str] = []
        self._noted_count = 0
        self._due: list[str] = []

    def note(self, event_ids: Iterable[str]) -> None:
        """Note what is about to be acknowledged: each id stays with the same probability (Vitter's algorithm R)."""
        for event_id in event_ids:
            self._noted_count += 1
            if len(self._sample) < self._sample_events:
                self._sample.append(event_id)
                continue
            place = int(random.random() * self._noted_count)
            if place < self._sample_events:
                self._sample[place] = event_id

    async def look(self) -> None:
        """Look for what was noted before the last look; what cannot be looked for now is looked for next time."""
        if self._due:
            known = await self._store.count_known(self._due)
            lost = len(self._due) - known
            AUDITED_EVENTS.inc(len(self._due))
            if lost:
                LOST_EVENTS.inc(lost)
                logger.error("%d of %d acknowledged events are not in the database", lost, len(self._due))
        self._due, self._sample, self._noted_count = self._sample, [], 0

    @asynccontextmanager
    async def auditing(self, interval_seconds: float = _INTERVAL_SECONDS) -> AsyncIterator[None]:
        """Look every so often while the context is open."""
        async with running_beside(self._keep_looking(interval_seconds)):
            yield

    async def _keep_looking(self, interval_seconds: float) -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await self.look()
            except DomainError as error:
                logger.debug("acknowledged events are not audited now: %s", error)
            except Exception:
                logger.exception("the audit goes on")
