"""Fits the blend on the validation users: how the Transformer's logit and the sources' scores become one score.

Maximum likelihood of the held-out item among the user's candidates, cross-fitted: every fold of users is ranked by
a blend that has not seen them, and by NDCG of those lists the kind of blend is chosen: the logit alone, a weighted
sum, or a small network. What is served is the mean of the folds' blends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from services.training.model.blend import Blend, blend_inputs
from services.training.steps.blend_network import fit_network, joined
from services.training.steps.calibrate import Calibration, NewcomerLine, calibrate
from services.training.steps.evaluate import RankedUser, ranked_rows
from services.training.steps.examples import Int32

Float32 = NDArray[np.float32]

_FOLDS = 5
_HIDDEN = 16
_LEAST_GAIN = 1e-4
"""NDCG that a richer blend must bring: ties and noise go to the simpler one."""


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """The blend to serve, its kind ("off", "sum" or "network"), and the lists that it gave out of fold.

    ndcg: NDCG@10 of every kind, out of fold. calibration: of the scores, fitted on those out of fold. newcomers: the
    score of items that the sources cannot know.
    """

    blend: Blend
    kind: str
    lists: list[Int32]
    ndcg: dict[str, float]
    calibration: Calibration
    newcomers: NewcomerLine


def fit_blend(users: Sequence[RankedUser], targets: Int32, sources: Sequence[str], seed: int) -> FittedBlend:
    """The best kind of blend over all sources but the Transformer's own, whose score is the logit already."""
    count = len(sources)
    scales, says_something = _scales(users, count)
    heard = says_something & np.array([name != "sequence" for name in sources], dtype=np.bool_)
    open_inputs = np.array([True, *heard, True])
    folds = np.random.default_rng([seed, 4]).permutation(len(users)) % _FOLDS
    examples = _Examples.of(users, targets, folds, scales, open_inputs)
    off = Blend.of_weights(np.zeros(count, dtype=np.float32), scales)
    blend, kind_of_best, of_folds = off, "off", [off] * _FOLDS
    best_lists = [ranked_rows(user, off) for user in users]
    ndcgs = {"off": _ndcg(best_lists, targets)}
    for kind, hidden in (("sum", 0), ("network", _HIDDEN)):
        if any(not examples.learnt_by(fold).any() for fold in range(_FOLDS)):
            break
        parts = [
            fit_network(*examples.of_fold(fold), scales, open_inputs, hidden, [seed, 5, fold]) for fold in range(_FOLDS)
        ]
        lists = [ranked_rows(user, parts[fold]) for user, fold in zip(users, folds, strict=True)]
        ndcgs[kind] = _ndcg(lists, targets)
        if ndcgs[kind] > ndcgs[kind_of_best] + _LEAST_GAIN:
            blend, kind_of_best, of_folds, best_lists = joined(parts), kind, parts, lists
    blends = [of_folds[fold] for fold in folds]
    lengths = [len(user.history.rows) for user in users]
    calibration = _calibrated(
        [each.scores(user.taste, user.features, n) for each, user, n in zip(blends, users, lengths, strict=True)],
        users,
        targets,
    )
    newcomers = NewcomerLine.between(_calibrated([user.taste for user in users], users, targets), calibration)
    return FittedBlend(blend, kind_of_best, best_lists, ndcgs, calibration, newcomers)


def _calibrated(scores: Sequence[Float32], users: Sequence[RankedUser], targets: Int32) -> Calibration:
    """Over all candidates of all users, whose scores float32 [C] are from a blend that has not seen the user."""
    taken = [user.candidates == target for user, target in zip(users, targets, strict=True)]
    nothing: list[Float32] = [np.zeros(0, dtype=np.float32)]
    return calibrate(np.concatenate([*nothing, *scores]), np.concatenate([np.zeros(0, dtype=np.bool_), *taken]))


@dataclass(frozen=True, slots=True)
class _Examples:
    """Users whose target is among their candidates.

    inputs: float32 [E, C, D], 0 after a user's last candidate. lengths, places: int64 [E], number of candidates and
    which of them is the target. folds: int64 [E].
    """

    inputs: torch.Tensor
    lengths: torch.Tensor
    places: torch.Tensor
    folds: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        users: Sequence[RankedUser],
        targets: Int32,
        folds: NDArray[np.int64],
        scales: Float32,
        open_inputs: NDArray[np.bool_],
    ) -> _Examples:
        found = [
            (user, int(place[0]), fold)
            for user, target, fold in zip(users, targets, folds, strict=True)
            if len(place := np.flatnonzero(user.candidates == target))
        ]
        most = max((len(user.candidates) for user, _, _ in found), default=0)
        inputs = np.zeros((len(found), most, len(scales) + 2), dtype=np.float32)
        for row, (user, _, _) in enumerate(found):
            inputs[row, : len(user.taste)] = blend_inputs(user.taste, user.features, len(user.history.rows), scales)
        return cls(
            torch.from_numpy(inputs[:, :, open_inputs]),
            torch.tensor([len(user.candidates) for user, _, _ in found]),
            torch.tensor([target for _, target, _ in found]),
            np.array([fold for _, _, fold in found], dtype=np.int64),
        )

    def learnt_by(self, fold: int) -> NDArray[np.bool_]:
        """Bool [E]: the users that the blend of a fold learns from, which are all others."""
        learnt: NDArray[np.bool_] = self.folds != fold
        return learnt

    def of_fold(self, fold: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Inputs, lengths and places of those users."""
        chosen = torch.from_numpy(self.learnt_by(fold))
        return self.inputs[chosen], self.lengths[chosen], self.places[chosen]


def _scales(users: Sequence[RankedUser], count: int) -> tuple[Float32, NDArray[np.bool_]]:
    """Mean positive score of each source over all candidates: about 1 after scaling, whatever the source's unit.

    And bool [F]: whether there is any such score. A source without one (what it knows is seen, and no candidate) gets
    no weight, and the blend is the same as without it.
    """
    totals, positives = np.zeros(count), np.zeros(count)
    for user in users:
        totals += np.maximum(user.features, 0.0).sum(axis=0)
        positives += (user.features > 0).sum(axis=0)
    scales = np.where(positives > 0, np.maximum(totals / np.maximum(positives, 1), 1e-9), 1.0)
    return scales.astype(np.float32), positives > 0


def _ndcg(lists: Sequence[Int32], targets: Int32) -> float:
    total = 0.0
    for rows, target in zip(lists, targets, strict=True):
        places = np.flatnonzero(rows[:10] == target)
        total += float(1.0 / np.log2(places[0] + 2)) if len(places) else 0.0
    return total / max(len(targets), 1)
