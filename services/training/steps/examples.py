"""Examples: the interactions a model learns from, as columns, and how the last of each user is held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent
from services.core.history_events import event_features
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.repeats import Repeats

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InteractionLog:
    """Interactions grouped by user and, within a user, in time order.

    item_ids: unicode [N+1], row 0 the empty id.
    starts: int64 [U+1]; user u owns the positions starts[u]:starts[u+1] of the columns.
    rows: int32 [E], item rows 1..N.
    times: int64 [E], microseconds, not decreasing within a user.
    values: float32 [E], ratings, NaN where there is none; or None.
    types: int8 [E], numbers of trommel.feedback.v1.EventType, or None.
    attributes: of the items, or None where nothing is known of them.
    repeats: what ``without_repeats`` left out, in short, or None where that was nothing.
    contents: by item row, [N+1], what is known of each item for the content map, or None.
    contexts: by user, [U], what was last known of each besides what they took, by key; or None.
    texts: by item row, [N+1], cleaned, as the text encoder reads them; None where nobody is going to.
    """

    item_ids: NDArray[np.str_]
    starts: Int64
    rows: Int32
    times: Int64
    values: NDArray[np.float32] | None = None
    attributes: ItemAttributes | None = None
    repeats: Repeats | None = None
    types: NDArray[np.int8] | None = None
    contents: Sequence[ItemContent] | None = None
    contexts: Sequence[Mapping[str, str]] | None = None
    texts: Sequence[str] | None = None

    @classmethod
    def from_events(
        cls,
        item_ids: NDArray[np.str_],
        users: Int32,
        rows: Int32,
        times: Int64,
        values: NDArray[np.float32] | None = None,
        attributes: ItemAttributes | None = None,
        types: NDArray[np.int8] | None = None,
    ) -> InteractionLog:
        """Group events, given in time order or not; events of equal time keep the order they are given in.

        users: int32 [E], any numbering from 0; users without events may have numbers too.
        Raises ValueError if the columns disagree in length or a row is outside 1..N.
        """
        columns = [users, rows, times, *(column for column in (values, types) if column is not None)]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("users, rows, times, values and types must have one entry per interaction")
        if len(rows) and (rows.min() < 1 or rows.max() >= len(item_ids)):
            raise ValueError(f"item rows must lie in 1..{len(item_ids) - 1}")
        order = np.lexsort((times, users))
        counts = np.bincount(users, minlength=0) if len(users) else np.zeros(0, dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(
            item_ids,
            starts,
            rows[order].astype(np.int32),
            times[order].astype(np.int64),
            None if values is None else values[order].astype(np.float32),
            attributes,
            types=None if types is None else types[order].astype(np.int8),
        )

    @property
    def item_count(self) -> int:
        """N."""
        return len(self.item_ids) - 1

    @property
    def user_count(self) -> int:
        """U."""
        return len(self.starts) - 1

    def __len__(self) -> int:
        return len(self.rows)

    def users(self) -> Int32:
        """int32 [E]: the user of each interaction."""
        return np.repeat(np.arange(self.user_count, dtype=np.int32), np.diff(self.starts))

    def sequence(self, user: int) -> Int32:
        """The user's item rows, oldest first."""
        return self.rows[self.starts[user] : self.starts[user + 1]]

    def events(self, user: int, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 [P, 4], what models read of the user's events at these places of ``sequence`` besides the items.

        As if there were no others; see ``services.core.history_events``.
        """
        part = self.starts[user] + places
        return event_features(
            np.empty(0, np.int8) if self.types is None else self.types[part],
            np.empty(0, np.float32) if self.values is None else self.values[part],
            self.times[part],
        )

    def newest(self, user: int, count: int) -> tuple[Int32, NDArray[np.float32]]:
        """The user's last ``count`` item rows, oldest first, and their ``events``."""
        taken = int(self.starts[user + 1] - self.starts[user])
        places = np.arange(max(0, taken - count), taken)
        return self.sequence(user)[places], self.events(user, places)

    def newest_rows(self, users: Int32, count: int) -> list[Int32]:
        """The last ``count`` item rows of each of the users, int32 [U], oldest first."""
        return [self.sequence(int(user))[-count:] for user in users]

    def sequences(self) -> Iterator[Int32]:
        """Every user's item rows, oldest first."""
        return (self.sequence(user) for user in range(self.user_count))

    def without_repeats(self) -> InteractionLog:
        """The log with each item once per user, where it was first taken.

        What a user has taken is never recommended again, so a second interaction (a rating after a click, say) is
        nothing that a model could be right about. ``repeats`` tells of them. Serving reads each item where it was last
        met (``served_lists.read_of``), for that says what the user is about now; training cannot: every position of a
        sequence is an example, and the last meeting with an item lies in the future of most of them.
        """
        kept = self.first_meetings()
        if kept.all():
            return self
        return replace(self.only(kept), repeats=Repeats.of(self.starts, self.rows, self.item_count))

    def first_meetings(self) -> NDArray[np.bool_]:
        """Where a user takes an item for the first time, bool [E]."""
        pairs = self.users().astype(np.int64) * (self.item_count + 1) + self.rows
        _, first = np.unique(pairs, return_index=True)
        kept = np.zeros(len(self), dtype=np.bool_)
        kept[first] = True
        return kept

    def only(self, kept: NDArray[np.bool_]) -> InteractionLog:
        """The log of the interactions where ``kept`` (bool [E]); users keep their numbers."""
        counts = np.bincount(self.users()[kept], minlength=self.user_count)
        return InteractionLog(
            self.item_ids,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            self.rows[kept],
            self.times[kept],
            None if self.values is None else self.values[kept],
            self.attributes,
            self.repeats,
            None if self.types is None else self.types[kept],
            self.contents,
            self.contexts,
            self.texts,
        )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A split: ``log`` to learn from, and for the users held out (int32 [V]) the row they took next (int32 [V]).

    values: float32 [V], types: int8 [V], of those interactions, as the log has them, or None.
    """

    log: InteractionLog
    users: Int32
    targets: Int32
    values: NDArray[np.float32] | None = None
    types: NDArray[np.int8] | None = None


def hold_out_last(log: InteractionLog, *, shortest_history: int = 1) -> HeldOut:
    """Hold out the last interaction of every user who has at least ``shortest_history`` before it."""
    lengths = np.diff(log.starts)
    users = np.flatnonzero(lengths > shortest_history).astype(np.int32)
    last = log.starts[users + 1] - 1
    kept = np.ones(len(log), dtype=np.bool_)
    kept[last] = False
    return HeldOut(
        log.only(kept),
        users,
        log.rows[last],
        None if log.values is None else log.values[last],
        None if log.types is None else log.types[last],
    )
