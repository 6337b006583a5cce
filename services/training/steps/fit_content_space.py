"""Fits the content space: centres, names that count, bins of numbers, and whitenings, of the items that are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import CATEGORIES, ContentSpace, Float32, ItemContent, whitened
from services.core.text_space import TextSpace

_BINS = 16


def content_space(contents: Sequence[ItemContent]) -> ContentSpace:
    """The space of these items, all parts weighing the same.

    Centres are means of unit vectors; names that at least two items have, the 512 most frequent; sixteen bins a
    number, as many items in each as its ties allow.
    """
    modalities = sorted({name for content in contents for name in content.vectors})
    centres = {name: centre for name in modalities if (centre := _centre(name, contents)) is not None}
    names = Counter(name for content in contents for name in dict.fromkeys(content.categories))
    frequent = sorted(name for name, count in names.most_common(512) if count > 1)
    numbers = sorted({name for content in contents for name in content.numbers} - set(centres) - {CATEGORIES})
    edges = {name: found for name in numbers if len(found := _edges(name, contents))}
    parts = [*centres, *([CATEGORIES] if frequent else []), *edges]
    weights = {CATEGORIES: 0.0, **{name: 1.0 / len(parts) for name in parts}}
    return ContentSpace(centres, tuple(frequent), edges, weights)


def with_whitened(space: ContentSpace, contents: Sequence[ItemContent]) -> ContentSpace:
    """The space of these items with one part more for each modality of which they have enough, all weighing the same.

    Whitened as texts are in the text space: of vectors all of which say much the same, it counts what few of them say.
    """
    fitted = {name: TextSpace.fit(_unit_vectors(name, contents)) for name in space.centres}
    whitenings = {
        name: found.directions
        for name, found in fitted.items()
        if found is not None and found.directions.shape[1] and whitened(name) not in space.weights
    }
    parts = [name for name, weight in space.weights.items() if weight > 0]
    parts += [whitened(name) for name in whitenings]
    weights = {CATEGORIES: 0.0, **{name: 1.0 / len(parts) for name in parts}}
    return replace(space, weights=weights, whitenings=whitenings)


def _centre(name: str, contents: Sequence[ItemContent]) -> Float32 | None:
    unit = _unit_vectors(name, contents)
    centre: Float32 | None = unit.mean(axis=0).astype(np.float32) if len(unit) else None
    return centre


def _unit_vectors(name: str, contents: Sequence[ItemContent]) -> Float32:
    """float32 [M, C]: of a modality, those that are as wide as most and say something."""
    given = [content.vectors[name] for content in contents if name in content.vectors]
    width = Counter(len(vector) for vector in given).most_common(1)[0][0]
    stacked = np.stack([vector for vector in given if len(vector) == width]).astype(np.float32)
    lengths = np.linalg.norm(stacked, axis=1)
    usable = np.isfinite(lengths) & (lengths > 0)
    unit: Float32 = stacked[usable] / lengths[usable, None]
    return unit


def _edges(name: str, contents: Sequence[ItemContent]) -> NDArray[np.float64]:
    """Ascending; none where all items have the same number."""
    given = np.array([content.numbers[name] for content in contents if name in content.numbers], dtype=np.float64)
    given = given[np.isfinite(given)]
    if not len(given):
        return given
    edges = np.unique(np.quantile(given, np.arange(1, _BINS) / _BINS, method="higher"))
    inner: NDArray[np.float64] = edges[edges > given.min()]
    return inner
