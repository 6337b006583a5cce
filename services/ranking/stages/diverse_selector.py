"""Selector: arranges the slate by the policies of `diversity.py` and `newcomer_places.py` in `services/core/`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.cascade import NEWCOMERS
from services.core.diversity import diverse_order
from services.core.newcomer_places import proposed_by, with_newcomers
from services.core.query import Query


class DiverseSelector:
    """By score, at a price for being of the same categories as what stands above, and with places for newcomers."""

    name = "category_mmr"
    requires = frozenset({"score", "categories"})

    def __init__(self, strength: float, newcomer_share: float) -> None:
        """Make a selector.

        Args:
            strength: Price of full likeness in standard deviations of the score; 0 orders by score.
            newcomer_share: Share of the places that items which the bundle does not know get where they suit the user.
        """
        self._strength = strength
        self._newcomer_share = newcomer_share
        self.policy = f"{self.name}_{strength:g}" if strength > 0 else "top_score"
        if newcomer_share > 0:
            self.policy += f"+{NEWCOMERS}_{newcomer_share:g}"

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        """Return at most query.count indexes, best first; equal scores in the order of the candidates."""
        scores = np.asarray(candidates.columns["score"], np.float64)
        categories = np.asarray(candidates.columns["categories"], np.bool_)
        order = diverse_order(scores, categories, query.count, self._strength)
        return with_newcomers(order, scores, proposed_by(candidates, NEWCOMERS), self._newcomer_share)
