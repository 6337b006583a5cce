"""Fits the adapters of young scenarios: how much it says, beside the texts, how many took an item.

Each user of the scenario is asked for the last item they took there, by those before it and by what all others took.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent
from services.core.query import DEFAULT_SCENARIO
from services.core.scenario_adapter import ScenarioAdapters, adapted
from services.core.text_encoder_files import TEXT
from services.core.text_space import Float32, TextSpace, standard, taste, unit_rows
from services.training.steps.examples import Int32, InteractionLog

GRID = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_UNTOLD = 1.0
"""The weight where too few users can be asked."""
# With more interactions an item the models have learnt what tells the items apart.
_YOUNG = 5.0
_LEAST_USERS = 20
_MOST_USERS = 2_000
_TOP = 10


def fit_scenarios(log: InteractionLog, seed: int) -> ScenarioAdapters | None:
    """The adapters of all scenarios of the log that are young and say something; None where there are none."""
    contents = log.contents or ()
    names = sorted({content.scenario for content in contents[1:]} - {"", DEFAULT_SCENARIO})
    weights = {}
    for name in names:
        rows = np.array([row for row, content in enumerate(contents) if row and content.scenario == name], np.int32)
        of_scenario = np.isin(log.rows, rows)
        taken = np.unique(log.rows[of_scenario])
        if not len(taken) or np.count_nonzero(of_scenario) >= _YOUNG * len(taken):
            continue
        places = text_places(contents, rows)
        if places is not None:
            weights[name] = _weight(log.only(of_scenario), rows, places, seed)
    if not weights:
        return None
    return ScenarioAdapters(weights, np.bincount(log.rows, minlength=log.item_count + 1).astype(np.float32))


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


def _weight(log: InteractionLog, rows: Int32, places: Float32, seed: int) -> float:
    """log: of the scenario alone."""
    place_of = np.full(log.item_count + 1, -1, dtype=np.intp)
    place_of[rows] = np.arange(len(rows))
    users = np.flatnonzero(np.diff(log.starts) > 1)
    users = np.random.default_rng([seed, 18]).permutation(users)[:_MOST_USERS]
    if len(users) < _LEAST_USERS:
        return _UNTOLD
    counts = np.bincount(place_of[log.rows], minlength=len(rows)).astype(np.float32)
    gains = np.zeros((len(users), len(GRID)))
    for at, user in enumerate(users):
        taken = place_of[log.sequence(int(user))]
        history, target = taken[:-1], int(taken[-1])
        text = text_likeness(places, history)
        others = counts.copy()
        np.subtract.at(others, taken, 1.0)
        for column, weight in enumerate(GRID):
            liking = adapted(text, others, weight)
            liking[history] = -np.inf
            # Of equals, half are counted before it.
            above = np.count_nonzero(liking > liking[target]) + (np.count_nonzero(liking == liking[target]) - 1) / 2
            gains[at, column] = 1 / np.log2(above + 2) if above < _TOP else 0.0
    return GRID[int(gains.mean(axis=0).argmax())]
