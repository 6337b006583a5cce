"""Where slots stand among sorted ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def places_in(ascending: NDArray[np.int32], slots: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return which of the slots int32 [C] are among the ascending ones, bool [C], and the places of these."""
    if not len(ascending):
        return np.zeros(len(slots), np.bool_), np.empty(0, np.intp)
    places = np.searchsorted(ascending, slots).clip(max=len(ascending) - 1)
    known = ascending[places] == slots
    return known, places[known]
