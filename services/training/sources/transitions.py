"""Fits transitions: items taken within a few steps of each other, the order counting."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from services.core.bundle import BundleDraft
from services.core.sources.transitions import NEIGHBOURS, WEIGHTS, TransitionsSource
from services.training.sources.strongest import strongest
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


def fit(log: InteractionLog, config: TrainingConfig) -> TransitionsSource:
    """w(i → j) = Σ over pairs of one user / (n_i^0.5 · n_j^popularity_penalty), the K largest kept for every i.

    A pair d steps apart (d ≤ window) adds 1/(d · log(1 + length of the user's sequence)); where j was taken before i,
    ``backward`` times that. n: interactions of an item.
    """
    settings = config.transitions
    items = log.item_count + 1
    users = log.users()
    generality = 1.0 / np.log1p(np.maximum(np.diff(log.starts), 1))
    links = sparse.csr_matrix((items, items))
    for distance in range(1, min(settings.window, max(len(log) - 1, 0)) + 1):
        same = users[:-distance] == users[distance:]
        earlier, later = log.rows[:-distance][same], log.rows[distance:][same]
        weights = generality[users[distance:][same]] / distance
        pairs = sparse.csr_matrix((weights, (earlier, later)), shape=(items, items))
        links = links + pairs + settings.backward * pairs.T
    counts = np.maximum(np.bincount(log.rows, minlength=items), 1.0)
    scaled = sparse.diags(counts**-0.5) @ links @ sparse.diags(counts**-settings.popularity_penalty)
    return TransitionsSource(*strongest(scaled.tocsr(), settings.neighbours))


def save(source: TransitionsSource, draft: BundleDraft) -> None:
    """Write the arrays that TransitionsSource.load reads."""
    draft.save_array(NEIGHBOURS, source.neighbours)
    draft.save_array(WEIGHTS, source.weights)
