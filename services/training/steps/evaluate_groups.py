"""Whether lists are as good for one group of users as for another: by what they took next, and by how much they took.

Groups are of the users of a test. Where the item sought was rare in what was learnt from, only a source that knows
more than counts can find it; where a history is short, little is known of the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import groups
from services.core.metrics.means import standard_error
from services.training.steps.examples import HeldOut, Int32
from services.training.steps.user_figures import user_figures

NEVER_SEEN = "never seen"
LEAST_USERS = 50
"""Groups of fewer users are shown, but have no part in a gap."""

_LENGTH_EDGES = (5, 10, 20, 50)
_LENGTHS = ("0-4", "5-9", "10-19", "20-49", "50 or more")


def measure_groups(lists: Mapping[str, Int32], split: HeldOut) -> dict[str, Any]:
    """Figures "by_popularity" of the target and "by_history_length", of each of the lists (int32 [U, K] by name)."""
    counts = np.bincount(split.log.rows, minlength=split.log.item_count + 1)[split.targets]
    lengths = np.diff(split.log.starts)[split.users]
    return {
        "by_popularity": of_groups(lists, split.targets, *popularity_groups(counts)),
        "by_history_length": of_groups(lists, split.targets, *length_groups(lengths)),
    }


def popularity_groups(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Group of each target int64 [U] and the groups' names, by how often the item was taken (int [U]).

    Each group reaches to twice the count of the one before: never, 1, 2-3, 4-7, …
    """
    numbers = np.where(counts > 0, 1 + np.log2(np.maximum(counts, 1)).astype(np.int64), 0)
    names = [NEVER_SEEN, "1"]
    names += [f"{2**power}-{2 ** (power + 1) - 1}" for power in range(1, int(numbers.max(initial=0)))]
    return numbers, names


def length_groups(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Group of each user int64 [U] and the groups' names, by the length of the history (int [U])."""
    return np.searchsorted(_LENGTH_EDGES, lengths, side="right"), list(_LENGTHS)


def of_groups(
    lists: Mapping[str, Int32], targets: Int32, numbers: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    """Recall@10 and NDCG@10 of each list in each group that has users.

    "names" and "users" of the groups, in order; in "lists" by list the means and `_se` standard errors in the same
    order, and as `<metric>_gap` the best group's mean less the worst's, groups under 50 users not counted.
    """
    sizes = np.bincount(numbers, minlength=len(names))
    there = np.flatnonzero(sizes).tolist()
    group_of_user = np.asarray(names, dtype=np.str_)[numbers].tolist()
    by_list: dict[str, dict[str, Any]] = {}
    for list_name, rows in lists.items():
        figures = by_list.setdefault(list_name, {})
        for metric, values in user_figures(rows, targets).items():
            means = groups.by_group(values, group_of_user)
            figures[metric] = [means[names[group]] for group in there]
            figures[f"{metric}_se"] = [standard_error(values[numbers == group]) for group in there]
            figures[f"{metric}_gap"] = groups.largest_gap(values, group_of_user, least_users=LEAST_USERS)
    return {"names": [names[group] for group in there], "users": sizes[there].tolist(), "lists": by_list}
