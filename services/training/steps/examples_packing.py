"""Packing: sequences of all lengths into rows of one length, so that a training step computes next to no padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from services.training.steps.examples import Int32, InteractionLog


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Some packed rows.

    items: int64 [B, T] inputs. segments: int64 [B, T], which of the row's sequences a position belongs to, 0 for
    filling. targets: int64 [B, T], the item taken next at each position that is not filling.
    """

    items: torch.Tensor
    segments: torch.Tensor
    targets: torch.Tensor

    def seen(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pairs (index into ``positions``, item) of what each position's user has taken so far, int64 [S] each.

        positions: bool [B, T]; the index counts its true entries in row order.
        """
        length = self.items.shape[1]
        order = torch.ones(length, length, dtype=torch.bool).tril()
        reach = order & (self.segments[:, :, None] == self.segments[:, None, :]) & positions[:, :, None]
        row, position, earlier = reach.nonzero(as_tuple=True)
        numbers = torch.cumsum(positions.flatten(), 0) - 1
        items = self.items[row, earlier]
        real = items > 0
        return numbers[row * length + position][real], items[real]


def pack_epoch(log: InteractionLog, length: int, generator: np.random.Generator) -> list[list[Int32]]:
    """One epoch: rows, each a list of sequences (int32, at least 2 long) whose inputs fill at most ``length``.

    Events of one user at one time have no order that could be learnt: they are shuffled anew in every epoch.
    Histories too long for a row become several windows from the end, so that each event is a target once.
    Every user also gives one sequence of the empty history (0) and any one of their items.
    """
    keys = generator.random(len(log))
    shuffled = log.rows[np.lexsort((keys, log.times, log.users()))]
    sequences: list[Int32] = []
    for user in range(log.user_count):
        sequence = shuffled[log.starts[user] : log.starts[user + 1]]
        if len(sequence) == 0:
            continue
        sequences.append(np.array([0, sequence[generator.integers(len(sequence))]], dtype=np.int32))
        sequences.extend(_windows(sequence, length))
    rows = _best_fit(sequences, length)
    return [rows[row] for row in generator.permutation(len(rows))]


def batch_rows(rows: list[list[Int32]], length: int) -> PackedBatch:
    """Tensors of packed rows."""
    items, segments, targets = (np.zeros((len(rows), length), dtype=np.int64) for _ in range(3))
    for row, sequences in enumerate(rows):
        start = 0
        for number, sequence in enumerate(sequences, start=1):
            end = start + len(sequence) - 1
            items[row, start:end] = sequence[:-1]
            targets[row, start:end] = sequence[1:]
            segments[row, start:end] = number
            start = end
    return PackedBatch(torch.from_numpy(items), torch.from_numpy(segments), torch.from_numpy(targets))


def _windows(sequence: Int32, length: int) -> list[Int32]:
    ends = range(len(sequence), 1, -length)
    return [sequence[max(0, end - length - 1) : end] for end in ends]


def _best_fit(sequences: list[Int32], length: int) -> list[list[Int32]]:
    """Longest first, each into the row with the least room that still takes it."""
    rows: list[list[Int32]] = []
    by_room: list[list[int]] = [[] for _ in range(length + 1)]
    for sequence in sorted(sequences, key=len, reverse=True):
        size = len(sequence) - 1
        room = next((room for room in range(size, length + 1) if by_room[room]), None)
        if room is None:
            rows.append([sequence])
            row, room = len(rows) - 1, length
        else:
            row = by_room[room].pop()
            rows[row].append(sequence)
        by_room[room - size].append(row)
    return rows
