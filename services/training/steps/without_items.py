"""Logs without some of their items: what the training does not see, the bundle does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.item_attributes import ItemAttributes

# Every request compares all newcomers, where items that the bundle knows are found by an index: 20,000 cost it 0.6
# ms. Candidates keeps more (MOST_NEWCOMERS), for what comes between two trainings.
_MOST_LEFT_OUT = 20_000


def without_items(log: InteractionLog, rows: Int32) -> InteractionLog:
    """The log as if the items had never been: no interactions, no rows, no attributes of theirs. Users keep numbers."""
    kept_rows = np.setdiff1d(np.arange(log.item_count + 1), rows)
    new_rows = np.zeros(log.item_count + 1, dtype=np.int32)
    new_rows[kept_rows] = np.arange(len(kept_rows))
    rest = log.only(~np.isin(log.rows, rows))
    contents = None if log.contents is None else [log.contents[row] for row in kept_rows]
    attributes = None
    if contents is not None and log.attributes is not None:
        attributes = ItemAttributes.from_contents(contents)
    return replace(
        rest,
        item_ids=log.item_ids[kept_rows],
        rows=new_rows[rest.rows],
        attributes=attributes,
        contents=contents,
        texts=None if log.texts is None else [log.texts[row] for row in kept_rows],
        repeats=None,
    )


def without_newcomers(log: InteractionLog) -> InteractionLog:
    """The log without the items that nobody took yet and of which something is known.

    A model learns of such an item only that nobody took it. Candidates places it by its content instead, as long as the
    bundle does not know it. Where these are more than 20,000, none is left out.
    """
    untaken = np.setdiff1d(np.arange(1, log.item_count + 1), log.rows)
    contents = log.contents or ()
    newcomers = np.array([row for row in untaken.tolist() if contents and contents[row]], dtype=np.int32)
    return without_items(log, newcomers) if 0 < len(newcomers) <= _MOST_LEFT_OUT else log
