"""Where items lie in the space of their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent
from services.core.text_encoder_files import TEXT
from services.core.text_space import Float32, TextSpace, standard, taste, unit_rows
from services.training.steps.examples import Int32


def text_places(contents: Sequence[ItemContent], rows: Int32) -> Float32 | None:
    """float32 [S, K]: places of the items of the rows int32 [S], zeros where one says nothing.

    So does one whose vector has another width than most. None where too few of them say anything.
    """
    said = [contents[row].vectors.get(TEXT) for row in rows]
    widths = [len(vector) for vector in said if vector is not None]
    width = max(set(widths), key=widths.count) if widths else 0
    vectors = np.zeros((len(rows), width), dtype=np.float32)
    for place, vector in enumerate(said):
        if vector is not None and len(vector) == width and np.isfinite(vector).all():
            vectors[place] = vector
    says = np.any(vectors != 0, axis=1)
    unit = unit_rows(vectors[says])
    space = TextSpace.fit(unit) if width else None
    if space is None:
        return None
    places = np.zeros((len(rows), space.directions.shape[1]), dtype=np.float32)
    places[says] = space.place(unit)
    return places


def text_likeness(places: Float32, read: NDArray[np.intp]) -> Float32:
    """float32 [S]: standardised likeness of the texts to those read, 0 where one says nothing; zeros of nothing read.

    read: places in ``places`` of what a user took, oldest first.
    """
    says: NDArray[np.bool_] = np.any(places != 0, axis=1)
    told = read[says[read]]
    likeness = np.zeros(len(places), dtype=np.float32)
    if len(told):
        likeness[says] = standard(places[says] @ taste(places[told]))
    return likeness
