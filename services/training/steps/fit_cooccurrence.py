"""Fits the factors of who takes what together (``services.core.cooccurrence``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from services.training.steps.examples import InteractionLog

_LEAST_SHARE = 1e-6


def cooccurrence_factors(log: InteractionLog, basis: NDArray[np.int64], most: int) -> NDArray[np.float32]:
    """float32 [N+1, C], C at most ``most``, by row of the log (without repeats); zeros for what nobody took.

    basis: rows whose cosines are taken apart into eigenvectors; every other item is placed among these by its own
    cosines with them.
    """
    shape = (log.user_count, log.item_count + 1)
    counts = np.maximum(np.bincount(log.rows, minlength=shape[1]), 1)
    shares = 1.0 / np.sqrt(counts[log.rows])
    taken = sparse.csc_matrix((shares, (log.users(), log.rows)), shape=shape)
    of_basis = taken[:, basis]
    cosines = (of_basis.T @ of_basis).toarray()
    first = max(0, len(basis) - most)
    values, vectors = linalg.eigh(cosines, subset_by_index=[first, len(basis) - 1])
    kept = values > _LEAST_SHARE * max(values[-1], 0.0)
    directions = vectors[:, kept][:, ::-1] / np.sqrt(values[kept][::-1])
    factors: NDArray[np.float32] = (taken.T @ (of_basis @ directions)).astype(np.float32)
    return factors
