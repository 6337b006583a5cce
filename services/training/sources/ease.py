"""Fits EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"): a closed form, items by items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from services.core.bundle import BundleDraft
from services.core.sources.ease import NEIGHBOURS, WEIGHTS, EaseSource
from services.training.sources.hold_back import hold_back, ndcg
from services.training.sources.strongest import strongest
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import EaseConfig, TrainingConfig

_BLOCK_ROWS = 1024


def fit(log: InteractionLog, config: TrainingConfig) -> EaseSource:
    """w(i → j) = B_ij of the B that minimises ‖X - XB‖² + λ‖B‖² with a zero diagonal; the K largest of every i.

    B_ij = -P_ij / P_jj with P = (XᵀX + λI)⁻¹. Negative weights are left out: at K = 200 that costs nothing that could
    be measured. λ is the one that ranks best what is held back of the log, of as many as the catalogue's size lets
    be tried.
    """
    settings = config.ease
    log = log.without_repeats()
    strength = settings.strengths[0]
    tried = settings.strengths[: max(_affordable_inversions(log, settings) - 1, 0)]
    if len(tried) > 1:
        held = hold_back(log, settings.held_back_users)
        gram = _gram(held.log)
        found = [ndcg(_source(_weights(gram, each), settings), held) for each in tried]
        strength = tried[int(np.argmax(found))]
    return _source(_weights(_gram(log), strength), settings)


def affordable(log: InteractionLog, config: TrainingConfig) -> bool:
    """Whether a matrix of items by items can be inverted at all."""
    return _affordable_inversions(log, config.ease) > 0


def _affordable_inversions(log: InteractionLog, settings: EaseConfig) -> int:
    return int(settings.most_multiplications // max(log.item_count, 1) ** 3)


def _gram(log: InteractionLog) -> NDArray[np.float32]:
    """XᵀX, float32 [N, N]: how many users took both. Whole numbers, exact in float32 up to 2^24 users."""
    shape = (log.user_count, log.item_count)
    taken = sparse.csr_matrix((np.ones(len(log), dtype=np.float32), (log.users(), log.rows - 1)), shape=shape)
    gram: NDArray[np.float32] = (taken.T @ taken).toarray()
    return gram


def _weights(gram: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """B, float32 [N, N]."""
    inverse = linalg.inv(gram + strength * np.eye(len(gram), dtype=np.float32), overwrite_a=True, check_finite=False)
    weights: NDArray[np.float32] = inverse / -np.diag(inverse)
    return weights


def _source(weights: NDArray[np.float32], settings: EaseConfig) -> EaseSource:
    """The K largest of each row, in item rows; ``strongest`` leaves out the diagonal."""
    items = len(weights)
    parts = [strongest(sparse.csr_matrix((1, items + 1)), settings.neighbours)]
    for start in range(0, items, _BLOCK_ROWS):
        links = np.pad(weights[start : start + _BLOCK_ROWS], ((0, 0), (1, 0)))
        parts.append(strongest(sparse.csr_matrix(np.maximum(links, 0.0)), settings.neighbours, start + 1))
    neighbours, kept = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return EaseSource(neighbours, kept)


def save(source: EaseSource, draft: BundleDraft) -> None:
    """Write the arrays that EaseSource.load reads."""
    draft.save_array(NEIGHBOURS, source.neighbours)
    draft.save_array(WEIGHTS, source.weights)
