"""Finds the young scenarios of a log: those with fewer than five interactions an item that anybody took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent
from services.core.query import DEFAULT_SCENARIO
from services.core.text_encoder_files import TEXT
from services.core.text_space import Float32, TextSpace, standard, taste, unit_rows
from services.core.young_scenarios import YoungScenarios
from services.training.steps.examples import Int32, InteractionLog

# With more the models learn what tells the items apart.
_YOUNG = 5.0


def find_young_scenarios(log: InteractionLog) -> YoungScenarios | None:
    """All scenarios of the log that are young and whose items say something; None where there are none."""
    contents = log.contents or ()
    young = []
    for name in sorted({content.scenario for content in contents[1:]} - {"", DEFAULT_SCENARIO}):
        rows = [row for row, content in enumerate(contents) if row and content.scenario == name]
        says = any(TEXT in contents[row].vectors for row in rows)
        taken = log.rows[np.isin(log.rows, rows)]
        if says and 0 < len(taken) < _YOUNG * len(np.unique(taken)):
            young.append(name)
    if not young:
        return None
    return YoungScenarios(young, np.bincount(log.rows, minlength=log.item_count + 1).astype(np.float32))


def text_places(contents: Sequence[ItemContent], rows: Int32) -> Float32 | None:
    """float32 [S, K]: where the items of the rows lie in the space of their texts, zeros where one says nothing.

    None where too few of them say anything.
    """
    says = np.array([TEXT in contents[row].vectors for row in rows], dtype=np.bool_)
    if not says.any():
        return None
    vectors = unit_rows([contents[row].vectors[TEXT] for row in rows[says]])
    space = TextSpace.fit(vectors)
    if space is None:
        return None
    places = np.zeros((len(rows), space.directions.shape[1]), dtype=np.float32)
    places[says] = space.place(vectors)
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
