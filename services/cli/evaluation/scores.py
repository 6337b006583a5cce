"""Lists of items as figures: means over all users with their standard errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from services.cli.importing.holdout import HeldOutEvent
from services.core.metrics import ranking

_MEASURES = {
    "recall@10": (ranking.recall, 10),
    "ndcg@10": (ranking.ndcg, 10),
    "recall@100": (ranking.recall, 100),
    "mrr@100": (ranking.mrr, 100),
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
    figures: dict[str, float] = {}
    for name, (measure, count) in _MEASURES.items():
        # One user at a time, because the spread over users is wanted too.
        values = [measure(shown[u : u + 1], wanted[u : u + 1], count) for u in range(len(held_out))]
        figures[name] = float(np.mean(values))
        figures[f"{name}_se"] = float(np.std(values) / math.sqrt(len(values)))
    figures["coverage@10"] = ranking.coverage(shown, len(rows), 10)
    return figures
