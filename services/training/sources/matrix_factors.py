"""Fits matrix factors: alternating least squares on implicit feedback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.core.bundle import BundleDraft
from services.core.sources.matrix_factors import CONFIG, GRAM, ITEM_FACTORS, MatrixFactorsSource
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


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
    normal = given.T @ given + regularization * np.eye(given.shape[1])
    for row in range(taken.shape[0]):
        columns = taken.indices[taken.indptr[row] : taken.indptr[row + 1]]
        if len(columns) == 0:
            solved[row] = 0.0
            continue
        chosen = given[columns]
        solved[row] = np.linalg.solve(normal + alpha * (chosen.T @ chosen), (1.0 + alpha) * chosen.sum(axis=0))


def save(source: MatrixFactorsSource, draft: BundleDraft) -> None:
    """Write the arrays that MatrixFactorsSource.load reads."""
    draft.save_array(ITEM_FACTORS, source.item_factors)
    draft.save_array(GRAM, source.gram)
    draft.save_json(CONFIG, {"regularization": source.regularization, "alpha": source.alpha})
