"""Selector: arranges the slate by the policy of `services/core/diversity.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.diversity import diverse_order
from services.core.query import Query


class DiverseSelector:
    """By score, at a price for being of the same categories as what stands above."""

    name = "category_mmr"
    requires = frozenset({"score", "categories"})

    def __init__(self, strength: float) -> None:
        """strength: Price of full likeness in standard deviations of the score; 0 orders by score."""
        self._strength = strength
        self.policy = f"{self.name}_{strength:g}" if strength > 0 else "top_score"

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        """Return at most query.count indexes, best first; equal scores in the order of the candidates."""
        scores = np.asarray(candidates.columns["score"], np.float64)
        categories = np.asarray(candidates.columns["categories"], np.bool_)
        return diverse_order(scores, categories, query.count, self._strength)
