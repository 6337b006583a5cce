"""Figures of the ranker's heads on held-out interactions: whether what they promise is what happens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import classification
from services.training.steps.examples import Int32
from services.training.steps.served_lists import ServedLists

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
