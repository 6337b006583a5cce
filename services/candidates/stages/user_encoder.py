"""The user encoder: the history's rows → one vector, by the bundle's own model version in Triton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import USER_ENCODER, ModelEntry
from services.core.errors import UnavailableError
from services.core.inference import Inference


class UserEncoder:
    """Asks one version of the user encoder."""

    def __init__(self, client: Inference, version: str, model: ModelEntry, timeout_seconds: float) -> None:
        self._client = client
        self._version = version
        self._model = model
        self._timeout_seconds = timeout_seconds

    async def encode(self, rows: NDArray[np.int32], events: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the user's vector, float32 [D].

        Args:
            rows: int32 [L], oldest first; the newest max_history of them count.
            events: float32 [L, 4], what else is known of these events.

        Raises:
            UnavailableError: Triton is away, or what it gave is no vector.
            TimeoutError: No answer in time.
        """
        vectors = await self._client.infer(
            USER_ENCODER,
            self._version,
            self._padded(rows, events),
            "user_vectors",
            self._timeout_seconds,
        )
        if vectors.shape != (1, self._model.vector_size) or not np.isfinite(vectors).all():
            raise UnavailableError(f"model {USER_ENCODER} gave no vector of {self._model.vector_size} finite values")
        vector: NDArray[np.float32] = vectors[0]
        return vector

    def _padded(self, rows: NDArray[np.int32], events: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        """int64 [1, L] and float32 [1, L, 4]: left padded with 0 to the smallest bucket that holds the history."""
        rows, events = rows[-self._model.max_history :], events[-self._model.max_history :]
        length = next(bucket for bucket in self._model.history_buckets if bucket >= len(rows))
        items = np.zeros((1, length), np.int64)
        items[0, length - len(rows) :] = rows
        padded = np.zeros((1, length, events.shape[1]), np.float32)
        padded[0, length - len(rows) :] = events
        return {"history_items": items, "history_events": padded}
