"""Why an item is in the slate: one line in plain words, from what the user did and from who proposed it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.cascade import AUDIENCE, INTENT, NEWCOMERS
from services.core.pipeline.roles import Outcome
from services.core.query import History
from services.ranking.history_read import history_read, stood_in
from services.ranking.ranking_bundle import Neighbours, RankingBundle
from services.ranking.titles import Titles

_RECENT_ITEMS = 30
_OF_INTENT = "Answers what you ask for"
_BY_SOURCE = (
    # The most telling first.
    (INTENT, _OF_INTENT),
    ("recency", "You chose it before"),
    ("sequence", "Next after what you chose lately"),
    ("transitions", "Often chosen after what you chose lately"),
    ("item_knn", "Goes with what you chose before"),
    ("ease", "Goes with what you chose before"),
    ("user_knn", "Liked by people who chose what you chose"),
    ("matrix_factors", "Liked by people with a taste like yours"),
    ("lightgcn", "Liked by people with a taste like yours"),
    ("mult_vae", "Liked by people with a taste like yours"),
    ("attributes", "Like what you chose lately"),
    ("texts", "Like what you chose lately"),
    (NEWCOMERS, "New, and like what you chose"),
    (AUDIENCE, "Popular with people like you"),
    ("popularity", "Popular now"),
)
_OF_MET = ("recency",)
"""Sources that say that the user met the item itself, which nobody can say of what only stands in for another."""
_OF_ANYBODY = (INTENT, AUDIENCE)
"""Sources that say something of users without a history."""
_OF_HISTORY = "Close to your taste"
_OF_NOTHING = "Popular now"


class Reasons:
    """Writes the reasons of a slate."""

    def __init__(self, titles: Titles) -> None:
        self._titles = titles

    def of(self, outcome: Outcome, bundle: RankingBundle | None) -> list[str]:
        """Return one line an item of the slate."""
        selected = outcome.selected
        history = outcome.query.history
        read = history_read(outcome.query, selected).item_ids
        causes = self._causes(selected.item_ids.tolist(), history, read, bundle)
        others_read = stood_in(outcome.query, selected)
        by_mask: dict[int, str] = {}
        reasons = []
        for position, mask in enumerate(selected.source_masks.tolist()):
            if mask not in by_mask:
                by_mask[mask] = _by_source(
                    [name for name in selected.sources_of(position) if not (others_read and name in _OF_MET)],
                    has_history=any(read),
                )
            # What was asked for in words says more than what the history leads to.
            asked_for = by_mask[mask] == _OF_INTENT
            reasons.append(by_mask[mask] if asked_for else causes[position] or by_mask[mask])
        return reasons

    def _causes(
        self, item_ids: list[str], history: History, read: tuple[str, ...], bundle: RankingBundle | None
    ) -> list[str]:
        """Return for each item a reason that names what of the history leads to it most strongly, or an empty string.

        read: what was read in each place of the history; it is the history's own item that is named.
        """
        skipped = max(0, len(read) - _RECENT_ITEMS)
        if bundle is None or bundle.neighbours is None or not read or not item_ids:
            return [""] * len(item_ids)
        rows = bundle.index.rows(read[skipped:])
        places = np.flatnonzero(rows)
        strongest = strongest_causes(bundle.neighbours, rows[places], bundle.index.rows(item_ids))
        return [self._because_of(history, skipped + int(places[cause])) if cause >= 0 else "" for cause in strongest]

    def _because_of(self, history: History, place: int) -> str:
        title = self._titles.get(history.item_ids[place])
        if not title:
            return ""
        return f"Because you picked {title}" if place < history.picked_count else f"Because of {title} in your history"


def strongest_causes(
    neighbours: Neighbours, history_rows: NDArray[np.int32], item_rows: NDArray[np.int32]
) -> list[int]:
    """Return for each item [k] the position in the history [L] of its strongest neighbour, -1 where there is none."""
    causes = np.full(len(item_rows), -1, np.intp)
    if not len(history_rows) or not len(item_rows):
        return causes.tolist()
    near = neighbours.rows[history_rows].ravel()
    weights = neighbours.weights[history_rows].ravel()
    order = item_rows.argsort()
    ascending = item_rows[order]
    found = ascending.searchsorted(near)
    found[found == len(ascending)] = 0
    hits = ((ascending[found] == near) & (near > 0)).nonzero()[0]
    # Written in ascending weight, so that the strongest writes last.
    hits = hits[weights[hits].argsort(kind="stable")]
    causes[order[found[hits]]] = hits // neighbours.rows.shape[1]
    return causes.tolist()


def _by_source(sources: list[str], *, has_history: bool) -> str:
    for source, reason in _BY_SOURCE:
        if source in sources and (has_history or source in _OF_ANYBODY):
            return reason
    return _OF_HISTORY if has_history else _OF_NOTHING
