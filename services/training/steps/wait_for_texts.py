"""Waits, before the snapshot, for texts that are being encoded: what is trained without them has nothing of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from services.core.text_encoder_files import MOST_ATTEMPTS, TEXT
from services.training.steps.fit_progress import TrainingStoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
# A batch of the longest texts takes a few seconds on a busy core; nobody encodes where nothing ends for so long.
_STALLED_SECONDS = 20.0

# What waits was perhaps encoded before, as another text or by another encoder: it counts as waiting alone.
_ENCODED = """
SELECT count(*) FROM item_vectors JOIN items USING (tenant, item_id)
WHERE tenant = %(tenant)s AND name = %(text)s AND deleted_at IS NULL AND NOT EXISTS (
    SELECT FROM text_jobs WHERE text_jobs.tenant = items.tenant AND text_jobs.item_id = items.item_id
        AND attempts < %(most)s)
"""
_WAITING = "SELECT count(*) FROM text_jobs WHERE tenant = %(tenant)s AND attempts < %(most)s"


class TextQueue:
    """The queue of texts as a run looks at it."""

    def __init__(self, connection: psycopg.Connection[tuple[int]], tenant: str) -> None:
        self._connection = connection
        self._values = {"tenant": tenant, "text": TEXT, "most": MOST_ATTEMPTS}

    def encoded(self) -> int:
        """Items whose text is encoded. Reads all of them."""
        return self._count(_ENCODED)

    def waiting(self) -> int:
        """Items whose text waits; what was given up does not."""
        return self._count(_WAITING)

    def _count(self, statement: str) -> int:
        row = self._connection.execute(statement.encode(), self._values).fetchone()
        return int(row[0]) if row is not None else 0


@contextmanager
def open_text_queue(database_url: str, tenant: str) -> Iterator[TextQueue]:
    """Look at the queue while the context is open. Raises psycopg.Error when the database is away."""
    with psycopg.connect(
        database_url, autocommit=True, connect_timeout=5, application_name="trommel-texts"
    ) as connection:
        yield TextQueue(connection, tenant)


def wait_for_texts(
    queue: TextQueue,
    seconds: float,
    say: Callable[[str], None],
    should_stop: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Wait until no text waits, none has been encoded for a while, or the time is over; return how many still wait.

    Args:
        queue: What to look at.
        seconds: Longest wait; 0 does not even look.
        say: Takes one line about how far it is.
        should_stop: Whether the run was asked to stop.
        clock: Returns the time, in seconds.
        sleep: Lets so many seconds pass.

    Raises:
        TrainingStoppedError: should_stop said so.
        psycopg.Error: The database is away.
    """
    waiting = queue.waiting() if seconds > 0 else 0
    if not waiting:
        return 0
    encoded = queue.encoded()
    total = encoded + waiting
    fewest, progressed = waiting, clock()
    ends = progressed + seconds
    while waiting:
        say(f"{total - waiting:,} of {total:,} encoded")
        if should_stop():
            raise TrainingStoppedError
        now = clock()
        if waiting < fewest:
            fewest, progressed = waiting, now
        if now >= ends or now - progressed >= _STALLED_SECONDS:
            why = f"{seconds:g} s are over" if now >= ends else f"none was encoded for {_STALLED_SECONDS:g} s"
            logger.warning("training goes on without the texts of %d items: %s", waiting, why)
            break
        sleep(min(_LOOK_SECONDS, ends - now))
        waiting = queue.waiting()
        # Who goes on importing makes it more.
        total = max(total, encoded + waiting)
    return waiting
