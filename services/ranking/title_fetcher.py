"""Fetches the titles that reasons wanted and did not have, in the background, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from services.core.errors import DomainError
from services.plumbing.background_tasks import running_beside
from services.ranking.titles import Titles

logger = logging.getLogger(__name__)

_BATCH_SIZE = 250
_INTERVAL_SECONDS = 0.2
_AFTER_FAILURE_SECONDS = 5.0
_TIMEOUT_SECONDS = 2.0


class Catalog(Protocol):
    """Where titles come from."""

    async def titles_of(self, item_ids: Sequence[str], timeout_seconds: float) -> dict[str, str]:
        """Return the titles of the items that exist. Raises UnavailableError or TimeoutError."""
        ...


@asynccontextmanager
async def fetching(titles: Titles, catalog: Catalog) -> AsyncIterator[None]:
    """Fetch wanted titles while the context is open."""
    async with running_beside(_fetch_all(titles, catalog)):
        yield


async def _fetch_all(titles: Titles, catalog: Catalog) -> None:
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        wanted = titles.take_wanted(_BATCH_SIZE)
        if not wanted:
            continue
        try:
            found = await catalog.titles_of(wanted, _TIMEOUT_SECONDS)
        except (DomainError, TimeoutError) as error:
            logger.debug("titles: %s", error)
            titles.want(wanted)
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            continue
        # Items without a title are known to have none, so that they are not asked for again.
        titles.learn(wanted, [found.get(item_id, "") for item_id in wanted])
