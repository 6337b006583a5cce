"""Random lists and random relevant items, of all the lengths that there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.metrics.by_user import Lists


def random_lists(
    seed: int, *, users: int = 200, items: int = 40, length: int = 20, most_relevant: int = 12, full: bool = False
) -> tuple[Lists, Lists]:
    """Lists int32 [U, length] and 1 to ``most_relevant`` relevant items of each user, int32 [U, most_relevant].

    full: every list has ``length`` items; otherwise any number, none included.
    """
    random = np.random.default_rng(seed)
    lists, relevant = np.zeros((users, length), np.int32), np.zeros((users, most_relevant), np.int32)
    for user in range(users):
        shown = length if full else int(random.integers(0, length + 1))
        wanted = int(random.integers(1, most_relevant + 1))
        lists[user, :shown] = 1 + random.permutation(items)[:shown]
        relevant[user, :wanted] = 1 + random.permutation(items)[:wanted]
    return lists, relevant


def sizes(rows: Lists) -> NDArray[np.int64]:
    """int64 [U]: how many items each row holds."""
    counts: NDArray[np.int64] = (rows > 0).sum(axis=1)
    return counts
