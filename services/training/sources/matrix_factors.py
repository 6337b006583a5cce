"""Fits matrix factors: alternating least squares on implicit feedback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.core.bundle import BundleDraft
from services.core.sources.matrix_factors import CONFIG, GRAM, ITEM_FACTORS, MatrixFactorsSource
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig

_ROWS_AT_ONCE = 512
_ENTRIES_AT_ONCE = 1 << 17


def fit(log: InteractionLog, config: TrainingConfig) -> MatrixFactorsSource:
    """Minimise Σ c_ui (p_ui - x_u·y_i)² + regularization · (Σ|x|² + Σ|y|²), c = 1 + alpha where u took i (p = 1)."""
    settings = config.matrix_factors
    random = np.random.default_rng([config.seed, 1])
    taken = sparse.csr_matrix(
        (np.ones(len(log), dtype=np.float32), (log.users(), log.rows)),
        shape=(log.user_count, log.item_count + 1),
    )
    taken.sum_duplicates()
    taken_by_item = taken.T.tocsr()
    users = np.zeros((log.user_count, settings.factors))
    items = random.normal(scale=0.1, size=(log.item_count + 1, settings.factors))
    items[0] = 0.0
    for _ in range(settings.iterations):
        _solve_side(taken, items, users, settings.regularization, settings.alpha)
        _solve_side(taken_by_item, users, items, settings.regularization, settings.alpha)
    factors = items.astype(np.float32)
    return MatrixFactorsSource(factors, factors.T @ factors, settings.regularization, settings.alpha)


def _solve_side(
    taken: sparse.csr_matrix,
    given: NDArray[np.float64],
    solved: NDArray[np.float64],
    regularization: float,
    alpha: float,
) -> None:
    """Overwrite ``solved`` by the best factors for ``given``; rows with nothing taken become 0."""
    width = given.shape[1]
    normal = given.T @ given + regularization * np.eye(width)
    counts = np.diff(taken.indptr)
    # Rows of like count are solved together, padded to the longest of them by a row of zeros.
    padded = np.concatenate([given, np.zeros((1, width))])
    order = np.argsort(counts, kind="stable")
    start = int((counts == 0).sum())
    solved[order[:start]] = 0.0
    while start < len(order):
        rows = order[start : start + _ROWS_AT_ONCE]
        longest = np.maximum(counts[rows], 1).astype(np.int64)
        rows = rows[: max(1, int((longest * np.arange(1, len(rows) + 1) <= _ENTRIES_AT_ONCE).sum()))]
        places = np.arange(counts[rows[-1]])
        inside = places < counts[rows][:, None]
        columns = np.where(inside, taken.indices[np.where(inside, taken.indptr[rows][:, None] + places, 0)], len(given))
        chosen = padded[columns]
        systems = normal + alpha * (chosen.transpose(0, 2, 1) @ chosen)
        wanted = (1.0 + alpha) * chosen.sum(axis=1)
        solved[rows] = np.linalg.solve(systems, wanted[:, :, None])[:, :, 0]
        start += len(rows)


def save(source: MatrixFactorsSource, draft: BundleDraft) -> None:
    """Write the arrays that MatrixFactorsSource.load reads."""
    draft.save_array(ITEM_FACTORS, source.item_factors)
    draft.save_array(GRAM, source.gram)
    draft.save_json(CONFIG, {"regularization": source.regularization, "alpha": source.alpha})
