"""Which items may be shown at a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALWAYS = np.iinfo(np.int64).min
NEVER = np.iinfo(np.int64).max


class Availability:
    """Availability windows of M items, and the mask of the open ones, made anew only when a window begins or ends."""

    def __init__(
        self, available_from: NDArray[np.int64], available_until: NDArray[np.int64], deleted: NDArray[np.bool_]
    ) -> None:
        """available_from, available_until: int64 [M], microseconds, ALWAYS and NEVER for none; deleted: bool [M]."""
        self._from = available_from
        self._until = available_until
        self._deleted = deleted
        self._open = np.zeros(len(deleted), np.bool_)
        self._valid_from, self._valid_until = NEVER, ALWAYS

    def open_at(self, now_microseconds: int) -> NDArray[np.bool_]:
        """Return bool [M], not to be written to: not deleted, begun, not ended. The same array while none changes."""
        if not self._valid_from <= now_microseconds < self._valid_until:
            begun, ended = self._from <= now_microseconds, self._until <= now_microseconds
            self._open = begun & ~ended & ~self._deleted
            self._valid_from = now_microseconds
            self._valid_until = min(
                int(np.min(self._from, where=~begun, initial=NEVER)),
                int(np.min(self._until, where=~ended, initial=NEVER)),
            )
        return self._open
