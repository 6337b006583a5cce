"""The content space: what is known of an item besides who took it, as one vector in which alike items lie close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class ItemContent:
    """What is known of one item.

    vectors: float32 [C] by modality, for example "text". categories: names. numbers: finite ones by name, for example
    a year. scenario: that the item belongs to, "" where none is told; of that alone nothing is known.
    """

    vectors: Mapping[str, Float32] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    scenario: str = ""

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.vectors or self.categories or self.numbers)


@dataclass(frozen=True, slots=True)
class ContentSpace:
    """Features of an item: one part each for every modality, the categories and every number, side by side.

    A part is a vector of unit length times the root of its weight, or zeros where the item has nothing of it. So the
    inner product of two items' features is their likeness, the weighted mean over the parts: of the cosines of their
    vectors, of the cosine of their categories, and of whether a number falls into the same bin. A modality may have
    two parts, its vectors as they are and whitened (see the text space), or either alone.

    centres: float32 [C] by modality, what all items have in common, taken off before. categories: names that have a
    place. edges: float64, ascending, of the bins by number. weights: by part ("categories" is the one of these),
    adding up to 1; a modality without one has no such part. whitenings: float32 [C, K] by modality.
    """

    centres: Mapping[str, Float32]
    categories: tuple[str, ...]
    edges: Mapping[str, NDArray[np.float64]]
    weights: Mapping[str, float]
    whitenings: Mapping[str, Float32] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """F."""
        plain = sum(len(centre) for name, centre in self.centres.items() if name in self.weights)
        white = sum(int(whitening.shape[1]) for whitening in self.whitenings.values())
        bins = sum(len(edges) + 1 for edges in self.edges.values())
        return plain + white + len(self.categories) + bins

    def features(self, items: Sequence[ItemContent]) -> Float32:
        """float32 [K, F]. A vector of another length than its modality has here counts as missing."""
        parts = [rows * np.float32(np.sqrt(self.weights[name])) for name, rows in self.parts(items).items()]
        return np.concatenate(parts, axis=1)

    def parts(self, items: Sequence[ItemContent]) -> dict[str, Float32]:
        """The features by part, before these are weighed: rows of unit length, or zeros."""
        found: dict[str, Float32] = {}
        for name in self.centres:
            rows = self._of_modality(name, items)
            if name in self.weights:
                found[name] = _unit(rows)
            if name in self.whitenings:
                found[whitened(name)] = _unit(rows @ self.whitenings[name])
        found[CATEGORIES] = _unit(self._of_categories(items))
        return found | {name: self._of_number(name, items) for name in self.edges}

    def reads(self, modality: str) -> bool:
        """Whether the vectors of a modality count for anything."""
        return any(self.weights.get(part, 0.0) > 0 for part in (modality, whitened(modality)))

    def without_idle_parts(self) -> ContentSpace:
        """The same space, without what weighs nothing."""
        weights = {name: weight for name, weight in self.weights.items() if weight > 0}
        return ContentSpace(
            {name: centre for name, centre in self.centres.items() if self.reads(name)},
            self.categories if CATEGORIES in weights else (),
            {name: edges for name, edges in self.edges.items() if name in weights},
            {CATEGORIES: 0.0, **weights},
            {name: whitening for name, whitening in self.whitenings.items() if whitened(name) in weights},
        )

    def _of_modality(self, name: str, items: Sequence[ItemContent]) -> Float32:
        """Centred unit vectors, or zeros."""
        centre = self.centres[name]
        rows = np.zeros((len(items), len(centre)), dtype=np.float32)
        for row, item in enumerate(items):
            vector = item.vectors.get(name)
            if vector is not None and vector.shape == centre.shape:
                length = float(np.linalg.norm(vector))
                if _SMALL < length < np.inf:
                    rows[row] = vector / length - centre
        return rows

    def _of_categories(self, items: Sequence[ItemContent]) -> Float32:
        places = {name: place for place, name in enumerate(self.categories)}
        rows = np.zeros((len(items), len(places)), dtype=np.float32)
        for row, item in enumerate(items):
            rows[row, [places[name] for name in item.categories if name in places]] = 1.0
        return rows

    def _of_number(self, name: str, items: Sequence[ItemContent]) -> Float32:
        edges = self.edges[name]
        rows = np.zeros((len(items), len(edges) + 1), dtype=np.float32)
        for row, item in enumerate(items):
            number = item.numbers.get(name)
            if number is not None and np.isfinite(number):
                rows[row, int(np.searchsorted(edges, number, side="right"))] = 1.0
        return rows


def with_vectors(contents: Sequence[ItemContent], modality: str, vectors: Float32) -> list[ItemContent]:
    """The contents with a modality more: vectors float32 [K, C], zeros where an item has nothing of it."""
    return [
        replace(content, vectors={**content.vectors, modality: vector}) if vector.any() else content
        for content, vector in zip(contents, vectors, strict=True)
    ]


CATEGORIES = "categories"
"""The name of the part that is made of category names."""


def whitened(modality: str) -> str:
    """The name of the part that is made of a modality's whitened vectors."""
    return f"{modality}, whitened"


def _unit(rows: Float32) -> Float32:
    unit: Float32 = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(_SMALL))
    return unit


_MOST_NUMBERS = 32
_LARGEST = float(np.finfo(np.float64).max)


def numbers_in(attributes: Mapping[str, object]) -> dict[str, float]:
    """The finite numbers among an item's free attributes, by name; the first 32 names where there are more."""
    found = {}
    for name, value in sorted(attributes.items()):
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            found[name] = float(value)
    return dict(list(found.items())[:_MOST_NUMBERS])
