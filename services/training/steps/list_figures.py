"""Every list of a cascade side by side: the sources' and the ranker's, on the same held-out interactions.

How good each is with its standard error, how much better the ranker's is, how varied, and how far one has to look.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import ranking, variety
from services.core.metrics.means import with_standard_errors
from services.training.steps.examples import HeldOut, Int32
from services.training.steps.served_lists import ServedLists
from services.training.steps.user_figures import paired_difference, user_figures

Float32 = NDArray[np.float32]

_CURVE = (1, 5, 10, 20, 50, 100, 200, 300, 500)


def all_lists(served: ServedLists) -> dict[str, Int32]:
    """Whatever is a list of recommended items, int32 [U, 100] by name: the sources', the ranker's, the slate."""
    return {**served.sources, "ranker": served.ranked, "slate": served.slates}


def list_figures(served: ServedLists, split: HeldOut, vectors: Float32 | None) -> dict[str, dict[str, float]]:
    """By list what is the same for all of them besides the plain metrics.

    vectors: the Transformer's of the items, float32 [N+1, D]. vector_diversity@10 is intra-list diversity by them,
    which tells lists of like items from lists of unlike ones also where nothing is known of the items; None leaves it
    out. intra_list_diversity@10 is by attributes, where there are some.
    """
    attributes = None
    if (known := split.log.attributes) is not None:
        attributes = variety.SparseVectors(known.starts, known.codes, known.weights(), known.count)
    counts = np.bincount(split.log.rows, minlength=split.log.item_count + 1)
    table: dict[str, dict[str, float]] = {}
    for name, lists in all_lists(served).items():
        table[name] = {
            **with_standard_errors(user_figures(lists, split.targets)),
            "gini@10": variety.gini(lists, split.log.item_count, 10),
            "novelty@10": variety.novelty(lists, counts, 10),
            "long_tail_share@10": variety.long_tail_share(lists, counts, 10),
        }
        if vectors is not None:
            table[name]["vector_diversity@10"] = variety.intra_list_diversity(lists, vectors, 10)
        if attributes is not None:
            table[name]["intra_list_diversity@10"] = variety.attribute_diversity(lists, attributes, 10)
    return table


def differences(served: ServedLists, split: HeldOut) -> dict[str, Any]:
    """The figures of one list, named in "of", less those of each source in "against", with their standard errors."""
    ours = user_figures(served.ranked, split.targets)
    against = {
        name: paired_difference(ours, user_figures(lists, split.targets)) for name, lists in served.sources.items()
    }
    return {"of": "ranker", "against": against}


def recall_curves(served: ServedLists, split: HeldOut) -> dict[str, Any]:
    """Recall of each list by how much of it is looked at: "counts", and in "lists" by name up to the list's length."""
    relevant = split.targets[:, None]
    lists = {**all_lists(served), "candidates": served.candidates}
    return {
        "counts": list(_CURVE),
        "lists": {
            name: [ranking.recall(rows, relevant, count) for count in _CURVE if count <= rows.shape[1]]
            for name, rows in lists.items()
        },
    }
