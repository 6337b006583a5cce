"""What is trained on: a file of S3-Rec's form, or a data set drawn in the size and shape of Amazon Beauty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.int64]]
"""users, items, times: int64 [E] each; items count from 1, times are the places in a user's sequence."""

USERS, ITEMS, EVENTS = 22_363, 12_101, 198_502
SHORTEST, LONGEST = 5, 204
# By eye on Beauty's counts: every item is taken five times, and beyond that the one of rank r in proportion to
# 1 / (r + 150); lengths beyond the shortest follow a log-normal law.
_FEWEST, _RANK_OFFSET, _LENGTH_SPREAD = 5, 150.0, 1.25


def read_sequences(path: Path) -> Columns:
    """A user a line, ``user item item …``, oldest first."""
    taken = [line.split()[1:] for line in path.read_text("utf-8").splitlines()]
    _, items = np.unique(np.concatenate([np.array(line, dtype=np.str_) for line in taken]), return_inverse=True)
    return _columns(np.array([len(line) for line in taken]), items + 1)


def drawn(seed: int = 0) -> Columns:
    """A data set of USERS and ITEMS with about EVENTS interactions, both long-tailed; equal for equal seeds."""
    generator = np.random.default_rng(seed)
    extra = generator.lognormal(0.0, _LENGTH_SPREAD, USERS)
    lengths = SHORTEST + np.floor(extra / extra.mean() * (EVENTS / USERS - SHORTEST + 0.5)).astype(np.int64)
    lengths = np.minimum(lengths, LONGEST)
    every = np.repeat(np.arange(ITEMS), _FEWEST)
    shares = 1.0 / (np.arange(ITEMS) + _RANK_OFFSET)
    others = generator.choice(ITEMS, int(lengths.sum()) - len(every), p=shares / shares.sum())
    return _columns(lengths, generator.permutation(np.concatenate([every, others])) + 1)


def training_part(columns: Columns) -> Columns:
    """Without the last two interactions of each user, which leave-one-out keeps for validation and test."""
    lengths = np.bincount(columns["users"])
    kept = columns["times"] < lengths[columns["users"]] - 2
    return {name: column[kept] for name, column in columns.items()}


def _columns(lengths: NDArray[np.int64], items: NDArray[np.int64]) -> Columns:
    users = np.repeat(np.arange(len(lengths)), lengths)
    times = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return {"users": users, "items": items, "times": times}
