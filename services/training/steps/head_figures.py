"""Figures of the ranker's heads on held-out interactions: whether what they promise is what happens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import classification, regression
from services.training.steps.examples import HeldOut, Int32
from services.training.steps.rating_biases import RatingBiases
from services.training.steps.served_lists import ServedLists
from services.training.steps.suitable_heads import suitable_heads, wanted_of

_TOP = 10


def head_figures(served: ServedLists, targets: Int32) -> dict[str, Any]:
    """Of the engage head: over all ranked candidates, and over the ten best of each user, which are what people see.

    An example is a candidate of a user; it is positive where the user took it next. targets: int32 [U].
    """
    probabilities = served.engage_probabilities
    ranked = served.candidates[:, : probabilities.shape[1]]
    taken = ranked == targets[:, None]
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_TOP]
    top = np.zeros(ranked.shape, dtype=np.bool_)
    np.put_along_axis(top, order, values=True, axis=1)
    there = ranked > 0
    return {
        "engage": _figures(taken[there], probabilities[there]),
        f"engage, the {_TOP} most likely": _figures(taken[there & top], probabilities[there & top]),
    }


def action_figures(served: ServedLists, split: HeldOut) -> dict[str, Any]:
    """Of the heads beside the score, on the held-out interactions: each user's answer for the item they took.

    A rating stands beside two simpler answers: the mean of all ratings, and the mean plus biases of user and item.
    """
    heads = {head.name: head for head in suitable_heads(split.log)}
    found: dict[str, Any] = {}
    for name, answers in served.actions.items():
        wanted = wanted_of(heads[name], split.values, split.types) if name in heads else np.zeros(0, np.float32)
        known = np.isfinite(wanted)
        if not known.any():
            continue
        if heads[name].type is not None:
            found[name] = _figures(wanted[known] > 0, answers[known])
            continue
        biases = RatingBiases.of(split.log).foretold(split.users, split.targets)
        mean = np.full(len(wanted), heads[name].mean)
        found[name] = {
            "examples": int(known.sum()),
            "mse": regression.mean_squared_error(wanted[known], answers[known]),
            "rmse": regression.root_mean_squared_error(wanted[known], answers[known]),
            "mae": regression.mean_absolute_error(wanted[known], answers[known]),
            "rmse of the mean": regression.root_mean_squared_error(wanted[known], mean[known]),
            "rmse of biases": regression.root_mean_squared_error(wanted[known], biases[known]),
        }
    return found


def _figures(taken: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "examples": len(taken),
        "positives": int(taken.sum()),
        "accuracy": classification.accuracy(taken, probabilities),
        "auc": classification.auc(taken, probabilities),
        "log_loss": classification.log_loss(taken, probabilities),
        "calibration_error": classification.calibration_error(taken, probabilities),
        "reliability": [asdict(row) for row in classification.reliability(taken, probabilities)],
    }
