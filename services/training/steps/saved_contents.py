"""Item contents as columns, for a snapshot that is kept on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import Float32, ItemContent

_WORDS, _NAMES = "contents", "content_vectors"


def columns_of(contents: Sequence[ItemContent]) -> dict[str, NDArray[np.generic]]:
    """Return the columns: vectors of one name and length side by side, all else as JSON."""
    words = json.dumps([[list(content.categories), dict(content.numbers), content.scenario] for content in contents])
    columns: dict[str, NDArray[np.generic]] = {_WORDS: np.frombuffer(words.encode(), np.uint8)}
    kinds = sorted({(name, len(vector)) for content in contents for name, vector in content.vectors.items()})
    for place, (name, length) in enumerate(kinds):
        rows = [row for row, content in enumerate(contents) if len(content.vectors.get(name, ())) == length]
        columns[f"{_NAMES}_{place}_rows"] = np.array(rows, np.int32)
        columns[f"{_NAMES}_{place}"] = np.array([contents[row].vectors[name] for row in rows], np.float32)
    columns[_NAMES] = np.array([name for name, _ in kinds], np.str_)
    return columns


def contents_in(columns: Mapping[str, NDArray[Any]]) -> list[ItemContent] | None:
    """Return the contents again; None where none were kept. Raises ValueError, KeyError."""
    if _WORDS not in columns:
        return None
    words = json.loads(columns[_WORDS].tobytes())
    vectors: list[dict[str, Float32]] = [{} for _ in words]
    for place, name in enumerate(columns[_NAMES].tolist()):
        made = columns[f"{_NAMES}_{place}"]
        for row, vector in zip(columns[f"{_NAMES}_{place}_rows"].tolist(), made, strict=True):
            vectors[row][name] = vector
    return [
        # Kept by an older version: without the scenario.
        ItemContent(known, tuple(categories), numbers, *scenario)
        for known, (categories, numbers, *scenario) in zip(vectors, words, strict=True)
    ]
