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


def history_of(
    item_ids: Sequence[str], times: NDArray[np.int64], types: Sequence[int], values: Sequence[float | None]
) -> History:
    """Return the history in what models read of a user's events, all oldest first.

    An item stands where the user last met it (a click, a view and a like of one item are one step of taste), and what
    the user rejected is no step of taste at all.

    Args:
        item_ids: Item of each event.
        times: int64 [L], microseconds since 1970-01-01 UTC.
        types: Event types.
        values: Event values, None for an event without one.
    """
    if len(set(item_ids)) == len(item_ids) and not _REJECTIONS.intersection(types):
        return History(tuple(item_ids), times, np.array(types, np.int8), np.array(values, np.float32))
    last_places: dict[str, int] = {}
    for place, (item_id, kind) in enumerate(zip(item_ids, types, strict=True)):
        last_places.pop(item_id, None)
        if kind not in _REJECTIONS:
            last_places[item_id] = place
    places = np.fromiter(last_places.values(), np.intp, len(last_places))
    return History(
        tuple(last_places), times[places], np.array(types, np.int8)[places], np.array(values, np.float32)[places]
    )
