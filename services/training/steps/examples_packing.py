"""Packing: sequences of all lengths into rows of one length, so that a training step computes next to no padding.

Rows hold indices of events in the log, not items: whatever the log knows of an event is gathered by the same index.
No step of it is a Python loop over users, sequences or events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from services.core.history_events import FEATURES, GAP, TYPE, VALUE, VALUE_KNOWN, gap_feature
from services.training.steps.examples import Int64, InteractionLog

NO_EVENT = -1
"""Stands in the place of an event where there is none: an empty history, and filling."""

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class PackedEvents:
    """Packed rows, as indices of events in a log.

    inputs: int64 [R, T], the event read at each position; NO_EVENT at an empty history and at filling.
    targets: int64 [R, T], the event that comes next; NO_EVENT at filling.
    segments: int64 [R, T], which of its row's sequences a position belongs to, 0 for filling.
    """

    inputs: Int64
    targets: Int64
    segments: Int64

    def __len__(self) -> int:
        return len(self.inputs)

    def rows(self, start: int, end: int) -> PackedEvents:
        """Some of the rows."""
        return PackedEvents(self.inputs[start:end], self.targets[start:end], self.segments[start:end])

    @property
    def position_count(self) -> int:
        """Positions that are not filling: each has a target."""
        return int(np.count_nonzero(self.segments))


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """The items of some packed rows.

    items: int64 [B, T] inputs. events: float32 [B, T, 4], what else is known of them (see
    ``services.core.history_events``). segments: int64 [B, T], which of the row's sequences a position belongs to, 0
    for filling. targets: int64 [B, T], the item taken next at each position that is not filling.
    """

    items: torch.Tensor
    events: torch.Tensor
    segments: torch.Tensor
    targets: torch.Tensor

    def to(self, device: torch.device) -> PackedBatch:
        """The same on ``device``."""
        columns = (self.items, self.events, self.segments, self.targets)
        return PackedBatch(*(column.to(device) for column in columns))

    def seen(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pairs (index into ``positions``, item) of what each position's user has taken so far, int64 [S] each.

        positions: bool [B, T]; the index counts its true entries in row order.
        """
        begins = torch.ones_like(self.segments, dtype=torch.bool)
        begins[:, 1:] = self.segments[:, 1:] != self.segments[:, :-1]
        places = torch.arange(begins.numel(), device=begins.device)
        firsts = torch.cummax(torch.where(begins.flatten(), places, 0), dim=0).values
        chosen = positions.flatten().nonzero()[:, 0]
        firsts = firsts[chosen]
        counts = chosen - firsts + 1
        numbers = torch.repeat_interleave(counts)
        before = torch.cumsum(counts, dim=0) - counts
        within = torch.arange(len(numbers), device=numbers.device) - before[numbers]
        items = self.items.flatten()[firsts[numbers] + within]
        real = items > 0
        return numbers[real], items[real]


def pack_epoch(log: InteractionLog, length: int, generator: np.random.Generator) -> PackedEvents:
    """One epoch: all sequences of the log in rows of ``length`` positions, in random order.

    Events of one user at one time have no order that could be learnt: they are shuffled anew in every epoch.
    Histories too long for a row become several windows from the end, so that each event is a target once.
    Every user also gives one sequence of the empty history and any one of their events.
    """
    events = _shuffled_ties(log, generator)
    firsts, sizes = _windows(log.starts, length)
    counts = np.diff(log.starts)
    counts = counts[counts > 0]
    anyones = log.starts[:-1][np.diff(log.starts) > 0] + generator.integers(counts)
    # A window's first input stands before its first target; an empty history's target has nothing before it.
    first_targets = np.concatenate([firsts + 1, anyones])
    empty = np.repeat([False, True], [len(firsts), len(anyones)])
    sizes = np.concatenate([sizes, np.ones(len(anyones), dtype=np.int64)])
    # Which sequences of a size share a row is left to chance.
    order = generator.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    first_targets, empty, sizes = first_targets[order], empty[order], sizes[order]
    rows = _best_fit(sizes, length)
    row_count = int(rows.max()) + 1 if len(rows) else 0
    rows = generator.permutation(row_count)[rows]
    offsets, numbers = _places_in_rows(rows, sizes)

    sequence, within = _expand(sizes)
    cells = (rows * length + offsets)[sequence] + within
    targets = first_targets[sequence] + within
    inputs, wanted, segments = (np.full(row_count * length, value, dtype=np.int64) for value in (NO_EVENT, NO_EVENT, 0))
    inputs[cells] = np.where(empty[sequence], NO_EVENT, events[targets - 1])
    wanted[cells] = events[targets]
    segments[cells] = numbers[sequence]
    return PackedEvents(*(flat.reshape(row_count, length) for flat in (inputs, wanted, segments)))


def of_events(column: NDArray[_Number], events: Int64, nothing: Any = 0) -> NDArray[_Number]:
    """A column of the log, [E], at ``events`` (any shape); ``nothing`` where there is no event."""
    if len(column) == 0:
        return np.full(events.shape, nothing, dtype=column.dtype)
    values: NDArray[_Number] = np.where(events == NO_EVENT, np.asarray(nothing, dtype=column.dtype), column[events])
    return values


def batch_rows(log: InteractionLog, packed: PackedEvents) -> PackedBatch:
    """Tensors of packed rows."""
    return PackedBatch(
        torch.from_numpy(of_events(log.rows, packed.inputs).astype(np.int64)),
        torch.from_numpy(_input_events(log, packed)),
        torch.from_numpy(packed.segments),
        torch.from_numpy(of_events(log.rows, packed.targets).astype(np.int64)),
    )


def _input_events(log: InteractionLog, packed: PackedEvents) -> NDArray[np.float32]:
    """float32 [R, T, 4], as ``InteractionLog.events`` has them of the sequence alone."""
    inputs = packed.inputs
    features = np.zeros((*inputs.shape, len(FEATURES)), dtype=np.float32)
    if log.types is not None:
        features[..., TYPE] = of_events(log.types, inputs)
    if log.values is not None:
        values = of_events(log.values, inputs, np.nan)
        known = np.isfinite(values)
        features[..., VALUE_KNOWN] = known
        features[known, VALUE] = values[known]
    times = of_events(log.times, inputs)
    follows = (packed.segments[:, 1:] == packed.segments[:, :-1]) & (inputs[:, 1:] != NO_EVENT)
    features[:, 1:, GAP] = np.where(follows, gap_feature(times[:, 1:] - times[:, :-1]), 0)
    return features


def _shuffled_ties(log: InteractionLog, generator: np.random.Generator) -> Int64:
    """int64 [E]: every event once, grouped and ordered as in the log, events of equal user and time shuffled."""
    later = np.empty(len(log), dtype=np.bool_)
    later[:1] = True
    np.not_equal(log.times[1:], log.times[:-1], out=later[1:])
    later[log.starts[:-1][np.diff(log.starts) > 0]] = True
    # A whole number for each moment of a user, and chance behind the point. Rounding cannot change the moments'
    # order: a stable sort leaves equal keys as they are.
    keys = np.cumsum(later) + generator.random(len(log))
    order: Int64 = np.argsort(keys, kind="stable")
    return order


def _windows(starts: Int64, length: int) -> tuple[Int64, Int64]:
    """First input and number of inputs of every window, int64 [W] each: from a user's end, ``length`` at a time."""
    pairs = np.maximum(np.diff(starts) - 1, 0)
    user, back = _expand(-(-pairs // length))
    ends = starts[1:][user] - 1 - back * length
    sizes = np.minimum(length, pairs[user] - back * length)
    return ends - sizes, sizes


def _best_fit(sizes: Int64, length: int) -> Int64:
    """A row for every sequence, int64 [S]; ``sizes`` descend.

    Best fit decreasing: each sequence goes where the least room is left that still takes it. Sequences of one size
    are placed together, for the row that has just taken one is then the best fit for the next as long as it has room.
    """
    rows = np.empty(len(sizes), dtype=np.int64)
    room = np.zeros(len(sizes), dtype=np.int64)
    used = 0
    cuts = np.searchsorted(-sizes, -np.arange(length + 1), side="left")
    for size in range(length, 0, -1):
        start, end = cuts[size], cuts[size - 1]
        if start == end:
            continue
        takers = np.flatnonzero(room[:used] >= size)
        takers = takers[np.argsort(room[takers], kind="stable")]
        found = np.repeat(takers, room[takers] // size)[: end - start]
        each = length // size
        fresh = used + np.arange(end - start - len(found)) // each
        if len(fresh):
            room[used : fresh[-1] + 1] = length
            used = int(fresh[-1]) + 1
        rows[start:end] = np.concatenate([found, fresh])
        room[:used] -= size * np.bincount(rows[start:end], minlength=used)
    return rows


def _places_in_rows(rows: Int64, sizes: Int64) -> tuple[Int64, Int64]:
    """Where each sequence begins in its row, and which of the row's sequences it is (from 1), int64 [S] each."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows) if len(rows) else np.zeros(0, dtype=np.int64)
    first_of_row = np.repeat(np.cumsum(counts) - counts, counts)
    before = np.cumsum(sizes[order]) - sizes[order]
    offsets, numbers = np.empty_like(sizes), np.empty_like(sizes)
    offsets[order] = before - before[first_of_row]
    numbers[order] = np.arange(len(rows)) - first_of_row + 1
    return offsets, numbers


def _expand(counts: Int64) -> tuple[Int64, Int64]:
    """Each place as often as ``counts`` says, with the number of its repetition: [2, 1] gives 0, 0, 1 and 0, 1, 0."""
    places = np.repeat(np.arange(len(counts)), counts)
    return places, np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
