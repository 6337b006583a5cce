"""Finds the young scenarios of a log: those with fewer than five interactions an item that anybody took."""

from __future__ import annotations

import numpy as np

from services.core.query import DEFAULT_SCENARIO
from services.core.text_encoder_files import TEXT
from services.core.young_scenarios import YoungScenarios
from services.training.steps.examples import InteractionLog

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
