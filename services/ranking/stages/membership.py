"""Which candidates are in a set of item ids, without a Python step for each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet


def outside(item_ids: frozenset[str], candidates: CandidateSet) -> NDArray[np.bool_]:
    """Return a mask [C], False for candidates that are in `item_ids`."""
    ids = candidates.item_ids.tolist()
    # The usual case by far: the candidates service has left them out already.
    if item_ids.isdisjoint(ids):
        return np.ones(len(ids), np.bool_)
    return ~np.fromiter(map(item_ids.__contains__, ids), np.bool_, len(ids))
