"""What heads are fitted on: an event, the user vector of the history before it, and what that history says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from services.training.model.action_heads import ActionHeads
from services.training.model.encoder import SequenceEncoder
from services.training.steps.examples import InteractionLog
from services.training.steps.examples_packing import batch_rows, of_events, pack_epoch

_MOST_POSITIONS = 1_000_000
_ROWS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class HeadExamples:
    """Positions of packed rows, P of them filled.

    states: float32 [R, T, D]. items, events, segments: as of PackedBatch. target_rows: int64 [P]. target_values:
    float32 [P], NaN without one. target_types: int64 [P].
    """

    states: torch.Tensor
    items: torch.Tensor
    events: torch.Tensor
    segments: torch.Tensor
    target_rows: torch.Tensor
    target_values: torch.Tensor
    target_types: torch.Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, log: InteractionLog, encoder: SequenceEncoder, seed: int) -> HeadExamples:
        """Of the log's events, at most a million, packed with the seed; the encoder reads the histories."""
        encoder.eval()
        length = encoder.shape.max_history
        packed = pack_epoch(log, length, np.random.default_rng([seed, 7]))
        packed = packed.rows(0, max(1, _MOST_POSITIONS // length))
        batch = batch_rows(log, packed)
        states = torch.cat(
            [
                encoder(
                    *(column[start : start + _ROWS_AT_ONCE] for column in (batch.items, batch.events, batch.segments))
                )
                for start in range(0, len(packed), _ROWS_AT_ONCE)
            ]
        )
        targets = packed.targets[packed.segments > 0]
        values = np.full(len(log), np.nan, np.float32) if log.values is None else log.values
        types = np.zeros(len(log), np.int8) if log.types is None else log.types
        return cls(
            states,
            batch.items,
            batch.events,
            batch.segments,
            torch.from_numpy(of_events(log.rows, targets).astype(np.int64)),
            torch.from_numpy(of_events(values, targets, np.nan)),
            torch.from_numpy(of_events(types, targets).astype(np.int64)),
        )

    @torch.no_grad()
    def means(self, heads: ActionHeads) -> torch.Tensor:
        """m_ui at every filled position for its target, float32 [P, H], by the heads as they are."""
        targets = torch.zeros_like(self.segments)
        targets[self.segments > 0] = self.target_rows
        parts = [
            self._means(heads, slice(start, start + _ROWS_AT_ONCE), targets)
            for start in range(0, len(self.segments), _ROWS_AT_ONCE)
        ]
        return torch.cat(parts)[self.segments > 0]

    def _means(self, heads: ActionHeads, part: slice, targets: torch.Tensor) -> torch.Tensor:
        segments, items = self.segments[part], self.items[part]
        signals, known = heads.signals(items, self.events[part])
        begins = torch.ones_like(segments, dtype=torch.bool)
        begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
        places = torch.arange(begins.shape[1]).expand(begins.shape)
        firsts = torch.cummax(torch.where(begins, places, 0), dim=1).values[..., None]

        def so_far(column: torch.Tensor) -> torch.Tensor:
            sums = torch.cumsum(column, dim=1)
            return sums - torch.gather(sums - column, 1, firsts.expand(column.shape))

        means = heads.mean_of(so_far(signals), so_far(known))
        regressors = heads.regressors[items]
        rated = regressors * heads.rating_of(known)
        squares = so_far((rated[..., :, None] * regressors[..., None, :]).flatten(2))
        squares = squares.reshape(*regressors.shape, -1)
        wanted = so_far(regressors * heads.rating_of(signals))
        return heads.both(means, heads.taste(squares, wanted, targets[part]))
