"""The query: who asks, for what, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.core.history_events import FEATURES, event_features

DEFAULT_SCENARIO = "default"

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class History:
    """What a user did, as columns of equal length, oldest first.

    Attributes:
        item_ids: Item of each event.
        event_times: int64 [L], microseconds since 1970-01-01 UTC; this and what follows may be empty: not known.
        event_types: int8 [L], numbers of trommel.feedback.v1.EventType.
        event_values: float32 [L], NaN for an event without one.
        picked_count: So many of the first items were picked by the user, on a welcome page say, and not met.
    """

    item_ids: tuple[str, ...] = ()
    event_times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    event_types: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    event_values: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    picked_count: int = 0

    def __len__(self) -> int:
        return len(self.item_ids)

    def after_picks(self, item_ids: Sequence[str], now_microseconds: int) -> History:
        """Return the history with these items picked before it, all at once; of the picks nothing else is known.

        now_microseconds: when they were picked where there is no event to be older than.
        """
        picked, count = len(item_ids), len(self)
        times, types, values = self.event_times, self.event_types, self.event_values
        return History(
            (*item_ids, *self.item_ids),
            np.concatenate([np.full(picked, times[0] if len(times) else now_microseconds), _column(times, count, 0)]),
            np.concatenate([np.zeros(picked, np.int8), _column(types, count, 0)]),
            np.concatenate([np.full(picked, np.nan, np.float32), _column(values, count, np.nan)]),
            picked,
        )

    def features_of(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 [P, 4], what models read of the events at these places, ascending, as if there were no others."""
        types, values, times = self.event_types, self.event_values, self.event_times
        if not len(types) and not len(values) and not len(times):
            return np.zeros((len(places), len(FEATURES)), np.float32)
        return event_features(
            types[places] if len(types) else types,
            values[places] if len(values) else values,
            times[places] if len(times) else times,
        )


def _column(column: NDArray[_T], count: int, unknown: float) -> NDArray[_T]:
    """The column, or one of that length that says nothing where nothing is known."""
    return column if len(column) else np.full(count, unknown, column.dtype)


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items a caller wants."""

    excluded_item_ids: frozenset[str] = frozenset()
    any_of_categories: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """One request on its way through a pipeline. Hydrators return copies that know more.

    Attributes:
        tenant: Whose data; from the caller's credential, never from the body.
        request_id: Id to which later events refer.
        user_id: Who the answer is for.
        scenario: Surface or domain.
        count: Items wanted.
        deadline: When the answer is due, in seconds of the event loop's monotonic clock.
        filter: Items and categories to leave out or to keep to.
        include_seen: Whether items that the user met before may come again.
        context: What is known of the moment.
        history: The user's recent events.
        seen_item_ids: All items the user ever interacted with.
        hidden_item_ids: All items the user disliked or hid.
        item_ids: Items the caller brings to be ranked; empty when sources shall propose.
        intent: What the user asks for in words; empty for nothing.
        picked_item_ids: What a new user picked, each once.
        bundle_versions: Bundles the caller can work with, most wanted first; empty means any.
    """

    tenant: str
    request_id: str
    user_id: str
    scenario: str
    count: int
    deadline: float
    filter: ItemFilter = ItemFilter()
    include_seen: bool = False
    context: Mapping[str, str] = field(default_factory=dict)
    history: History = History()
    seen_item_ids: frozenset[str] = frozenset()
    hidden_item_ids: frozenset[str] = frozenset()
    item_ids: tuple[str, ...] = ()
    bundle_versions: tuple[str, ...] = ()
    intent: str = ""
    picked_item_ids: tuple[str, ...] = ()
