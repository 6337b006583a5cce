"""Adapters of young scenarios: what little is known of a scenario, beside what its items say.

While people have done little in a scenario, a model that learns from all scenarios has next to nothing to tell its
items apart by. What the items say has, and so has how many took each: liking(j) = text(j) + w · standard(log(1 +
takers_j)), text being the standardised likeness to what the user took there. The one weight is all that is fitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from services.core.bundle import BundleDraft, BundleError, read_array
from services.core.text_space import Float32, standard

WEIGHTS = "scenarios/adapters.json"
TAKERS = "scenarios/takers.npy"


def adapted(text: Float32, takers: Float32, weight: float) -> Float32:
    """The liking float32 [S] of a scenario's items, by standardised likeness and number of takers, float32 [S] each."""
    return text + np.float32(weight) * standard(np.log1p(takers))


@dataclass(frozen=True, slots=True)
class ScenarioAdapters:
    """weights: by young scenario. takers: float32 [N+1], how many users took each item of the bundle."""

    weights: Mapping[str, float]
    takers: Float32

    def save(self, draft: BundleDraft) -> None:
        """Write what ``load`` reads."""
        draft.save_json(WEIGHTS, {"weights": dict(self.weights)})
        draft.save_array(TAKERS, self.takers)

    @classmethod
    def load(cls, bundle: Path) -> Self | None:
        """Read those of a bundle; None where it knows no young scenario. Raises BundleError."""
        path = bundle / WEIGHTS
        if not path.is_file():
            return None
        try:
            raw = json.loads(path.read_text("utf-8"))["weights"]
            weights = {str(name): float(weight) for name, weight in raw.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{WEIGHTS} does not hold weights: {error!r}") from error
        takers = read_array(bundle, TAKERS)
        if takers.ndim != 1:
            raise BundleError(f"{TAKERS} is no column")
        return cls(weights, takers.astype(np.float32, copy=False))
