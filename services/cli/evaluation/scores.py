"""Lists of items as figures: means over all users with their standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from services.cli.importing.holdout import HeldOutEvent
from services.core.metrics import by_user, ranking
from services.core.metrics.means import with_standard_errors

_MEASURES = {
    "recall@10": (by_user.recall, 10),
    "ndcg@10": (by_user.ndcg, 10),
    "recall@100": (by_user.recall, 100),
    "mrr@100": (by_user.reciprocal_rank, 100),
}


def score(
    lists: Mapping[str, Sequence[str]], held_out: Sequence[HeldOutEvent], items: Sequence[str]
) -> dict[str, float]:
    """Return every measure and, as `<measure>_se`, its standard error over users.

    Args:
        lists: Items by user, best first; a user without a list scores 0.
        held_out: The item that each user met next.
        items: All items of the data set, the denominator of coverage.
    """
    rows = {item: row for row, item in enumerate(dict.fromkeys([*items, *(e.item_id for e in held_out)]), 1)}
    shown = np.zeros((len(held_out), 100), np.int32)
    wanted = np.zeros((len(held_out), 1), np.int32)
    for user, event in enumerate(held_out):
        # An item outside the data set keeps its place and can be nobody's next one.
        ids = [rows.setdefault(item, len(rows) + 1) for item in lists.get(event.user_id, ())[:100]]
        shown[user, : len(ids)] = ids
        wanted[user, 0] = rows[event.item_id]
    of_users = {name: measure(shown, wanted, count) for name, (measure, count) in _MEASURES.items()}
    return {**with_standard_errors(of_users), "coverage@10": ranking.coverage(shown, len(rows), 10)}
