"""The audience: what people take more than others do by what is known of them or of the moment, their context.

It is for those of whom nothing else is known. Each trait (a value of a key of the context, or the bin of a number)
multiplies an item's popularity: score(j) = popularity(j) · exp(w · Σ_t lift_tj), lift_tj = log(p(j | t) / p(j)). With
w = 1 that is naive Bayes; traits that say the same thing twice make less better (``fit_audience``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleDraft, BundleError, read_array

Float32 = NDArray[np.float32]

TRAITS = "audience/traits.json"
LIFTS = "audience/lifts.npy"


@dataclass(frozen=True, slots=True)
class Traits:
    """Which traits there are. names: in the order of their numbers. edges: float64, ascending, of the bins by key."""

    names: Mapping[str, int]
    edges: Mapping[str, NDArray[np.float64]]

    def of(self, context: Mapping[str, str]) -> list[int]:
        """Numbers of the known traits of a context, in the order of its keys' names."""
        found = (self.names.get(trait_name(key, context[key], self.edges)) for key in sorted(context))
        return [number for number in found if number is not None]


def trait_name(key: str, value: str, edges: Mapping[str, NDArray[np.float64]]) -> str:
    """The trait that a value of a key is: "gender=F", or the number of its bin, "age#3"."""
    if key in edges:
        number = number_in(value)
        if number is not None:
            return f"{key}#{int(np.searchsorted(edges[key], number, side='right'))}"
    return f"{key}={value}"


def number_in(value: str) -> float | None:
    """The finite number that a value is, or None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Audience:
    """lifts: float32 [T, N+1], times the weight; row 0 of the items is padding."""

    traits: Traits
    lifts: Float32

    def scores(self, popularity: Float32, context: Mapping[str, str]) -> Float32 | None:
        """Popularity float32 [N+1] with people of the context; 0 for padding. None where no trait is known."""
        numbers = self.traits.of(context)
        if not numbers:
            return None
        made: Float32 = np.maximum(popularity, 0) * np.exp(self.lifts[numbers].sum(axis=0))
        return made

    def save(self, draft: BundleDraft) -> None:
        """Write what ``load`` reads."""
        edges = {key: values.tolist() for key, values in self.traits.edges.items()}
        draft.save_json(TRAITS, {"names": list(self.traits.names), "edges": edges})
        draft.save_array(LIFTS, self.lifts)

    @classmethod
    def load(cls, bundle: Path) -> Self | None:
        """Read a bundle's audience; None where it has none. Raises BundleError."""
        path = bundle / TRAITS
        if not path.is_file():
            return None
        try:
            raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
            names = {str(name): number for number, name in enumerate(raw["names"])}
            edges = {str(key): np.array(values, dtype=np.float64) for key, values in raw["edges"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{TRAITS} does not name traits: {error!r}") from error
        lifts = read_array(bundle, LIFTS)
        if lifts.ndim != 2 or len(lifts) != len(names):
            raise BundleError(f"{TRAITS} and {LIFTS} do not fit together")
        return cls(Traits(names, edges), lifts.astype(np.float32, copy=False))
