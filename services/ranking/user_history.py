"""What is kept of a user: the history that models read, and the items to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.core.query import History

# Dislike and hide among the numbers of trommel.feedback.v1.EventType, which Redis holds too.
_REJECTIONS = frozenset({5, 8})


@dataclass(frozen=True, slots=True)
class UserHistory:
    """A user's recent history, all items met and all items hidden or disliked."""

    history: History = field(default_factory=History)
    seen_item_ids: frozenset[str] = frozenset()
    hidden_item_ids: frozenset[str] = frozenset()


def history_of(item_ids: Sequence[str], times: NDArray[np.int64], types: Sequence[int]) -> History:
    """Return the history in what models read of a user's events, all oldest first.

    An item stands where the user last met it (a click, a view and a like of one item are one step of taste), and what
    the user rejected is no step of taste at all.

    Args:
        item_ids: Item of each event.
        times: int64 [L], microseconds since 1970-01-01 UTC.
        types: Event types.
    """
    if len(set(item_ids)) == len(item_ids) and not _REJECTIONS.intersection(types):
        return History(tuple(item_ids), times)
    last_times: dict[str, int] = {}
    for item_id, time, kind in zip(item_ids, times.tolist(), types, strict=True):
        last_times.pop(item_id, None)
        if kind not in _REJECTIONS:
            last_times[item_id] = time
    return History(tuple(last_times), np.fromiter(last_times.values(), np.int64, len(last_times)))
