"""Query hydrators: start the call to the user encoder before the sources run, and wait for it where no source does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import resolved
from services.candidates.stages.user_encoder import UserEncoder
from services.core.query import Query


class UserVectorCall:
    """Starts the call, so that Triton works while the other sources do."""

    name = "user_vector_call"

    def __init__(self, encoder: UserEncoder) -> None:
        self._encoder = encoder

    def enabled(self, query: Query) -> bool:
        """For a user with a history that the bundle knows."""
        return len(resolved(query).known_history.rows) > 0

    async def hydrate_query(self, query: Query) -> Query:
        """Return the query with the running call."""
        known = resolved(query)
        encoding = self._encoder.encode(known.known_history.rows, known.known_events)
        call = asyncio.get_running_loop().create_task(encoding)
        call.add_done_callback(_heard)
        # Two turns of the loop bring the request onto the wire; without them it would leave only after the sources
        # that compute in this thread.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return replace(resolved(query), user_vector=call)


class UserVectorWait:
    """Waits for the call. Optional: without the vector, the sources that need it score 0."""

    name = "user_vector_wait"

    def __init__(self, budget_seconds: float) -> None:
        self._budget_seconds = budget_seconds

    def enabled(self, query: Query) -> bool:
        """When a call is running."""
        return resolved(query).user_vector is not None

    async def hydrate_query(self, query: Query) -> Query:
        """Return the query as it is, once the call has ended. Raises what the call raised, or TimeoutError."""
        call = resolved(query).user_vector
        if call is not None:
            left = query.deadline - asyncio.get_running_loop().time()
            async with asyncio.timeout(max(0.0, min(self._budget_seconds, left))):
                await call
        return query


def _heard(call: asyncio.Task[NDArray[np.float32]]) -> None:
    """Take note of how the call ended: its failure is told by the stage that waits for it, if one still does."""
    if not call.cancelled():
        call.exception()
