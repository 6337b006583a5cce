"""The part of a data set that the cascade learnt from, as a data set that can be imported."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from services.cli.evaluation.offline import ReadLog
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord


def learnt_dataset(dataset: Dataset, read: ReadLog) -> Dataset:
    """Leave out each user's last interaction, what is no interaction, and items that nobody took.

    An item that the data set does not describe is there by its id alone, that of the last interaction too: it is what
    is to be recommended.
    """
    log = read.log
    last = log.starts[1:][np.diff(log.starts) > 1] - 1
    learnt = frozenset(np.delete(read.ordinals, last).tolist())
    item_ids = frozenset(log.item_ids[1:].tolist())

    def items() -> Iterator[ItemRecord | BadRow]:
        described = set()
        for item in dataset.items():
            if isinstance(item, ItemRecord) and item.item_id in item_ids:
                described.add(item.item_id)
                yield item
        for item_id in sorted(item_ids - described):
            yield ItemRecord(0, item_id)

    def events() -> Iterator[EventRecord | BadRow]:
        return (event for ordinal, event in enumerate(dataset.events()) if ordinal in learnt)

    return Dataset(dataset.name, items, events)
