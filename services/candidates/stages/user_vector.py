"""The call to the user encoder: begun as soon as the history is known, and waited for where no source does."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import resolved
from services.candidates.stages.user_encoder import UserEncoder
from services.core.query import Query


class UserVectorCall:
    """Begins the call, so that Triton works while the rest of the query is resolved and the other sources compute."""

    def __init__(self, encoder: UserEncoder) -> None:
        self._encoder = encoder

    async def begin(
        self, rows: NDArray[np.int32], events: NDArray[np.float32]
    ) -> asyncio.Task[NDArray[np.float32]] | None:
        """Return the running call for a history int32 [L] with its events float32 [L, 4]; None for an empty one."""
        if not len(rows):
            return None
        call = asyncio.get_running_loop().create_task(self._encoder.encode(rows, events))
        call.add_done_callback(_heard)
        # Two turns of the loop bring the request onto the wire; without them it would leave only after what computes
        # in this thread.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return call


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
