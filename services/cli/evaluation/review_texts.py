"""What people wrote about items, as content that leaves out what must not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from services.cli.evaluation.item_contents import text_vectors
from services.cli.evaluation.offline import ReadLog
from services.cli.readers.records import Dataset, EventRecord

if TYPE_CHECKING:
    import numpy as np

    from services.core.content_space import ItemContent
    from services.training.readable_contents import Contents
    from services.training.steps.examples import InteractionLog

REVIEWS = "reviews"
"""The modality: the mean of the vectors of an item's reviews."""
# Of each review: what it begins with, its summary first. Encoding takes as long as texts are.
_MOST_CHARACTERS = 200


def written(dataset: Dataset, read: ReadLog) -> list[str]:
    """Return the text of every interaction of the log, in its order; empty where nobody wrote one."""
    texts = {
        ordinal: row.text.strip()[:_MOST_CHARACTERS]
        for ordinal, row in enumerate(dataset.events())
        if isinstance(row, EventRecord) and row.text.strip()
    }
    return [texts.get(ordinal, "") for ordinal in read.ordinals.tolist()]


def written_first(dataset: Dataset, read: ReadLog) -> list[str]:
    """Return the text of every interaction of the log without repeats, in its order."""
    first = read.log.first_meetings()
    return [text for text, is_first in zip(written(dataset, read), first, strict=True) if is_first]


def contents_of_reviews(log: InteractionLog, texts: Sequence[str], threads: int) -> Contents:
    """Return a function that gives the contents of the log's items with the reviews of some interactions alone.

    texts: of every interaction of the log.

    Raises:
        CliError: The text encoder cannot be had.
    """
    import numpy as np

    from services.core.content_space import ItemContent

    vectors = text_vectors(texts, None, threads)
    there = vectors.any(axis=1)
    known = log.contents or [ItemContent()] * (log.item_count + 1)

    def contents(read: np.typing.NDArray[np.bool_]) -> Sequence[ItemContent]:
        sums = np.zeros((log.item_count + 1, vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, log.rows[read & there], vectors[read & there])
        return [
            replace(content, vectors={**content.vectors, REVIEWS: row}) if row.any() else content
            for content, row in zip(known, sums, strict=True)
        ]

    return contents


def told_by_reviews(contents: Contents) -> Contents:
    """Return a function whose items say what was written of them, where they say nothing themselves."""
    from services.core.text_encoder_files import TEXT

    def told(read: np.typing.NDArray[np.bool_]) -> Sequence[ItemContent]:
        found = []
        for content in contents(read) or ():
            vectors = dict(content.vectors)
            reviews = vectors.pop(REVIEWS, None)
            found.append(replace(content, vectors=vectors if reviews is None else {TEXT: reviews, **vectors}))
        return found

    return told
