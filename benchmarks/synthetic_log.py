"""Writes a log of a given size, to see how long training takes on it: by default of MovieLens-1M's.

python benchmarks/synthetic_log.py /tmp/million.inter
trommel evaluate /tmp/million.inter --protocol leave-one-out --seed 1 --json /tmp/million.json

Items lie in groups, and within a group are taken as Zipf's law has it; a user goes on in the group where they are,
changes to one beside it, or takes anything. So there is an order to be learnt and training does not stop at once, but
the figures say nothing about recommendations. How many items a user takes is lognormal, as in MovieLens; a rating is
what user and item are worth, and noise, in whole stars.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LEAST_TAKEN = 20
_STAY, _CHANGE = 0.6, 0.3
_FIRST_SECOND = 956_703_932


def taken_by_user(users: int, items: int, interactions: int, random: np.random.Generator) -> NDArray[np.int64]:
    """int64 [U]: how many items each takes; together about ``interactions``."""
    lengths = random.lognormal(0.0, 1.0, users)
    for _ in range(20):
        lengths = (lengths * interactions / lengths.sum()).clip(min(_LEAST_TAKEN, items // 2), items // 2)
    return lengths.astype(np.int64)


def sequence(count: int, groups: NDArray[np.int64], members: int, random: np.random.Generator) -> NDArray[np.int64]:
    """int64 [<= count]: distinct items 1..N of one user, in order."""
    drawn = 2 * count
    step = random.choice([0, 1, -1], drawn, p=[1 - _CHANGE, _CHANGE / 2, _CHANGE / 2])
    group = (random.integers(len(groups)) + np.cumsum(step)) % len(groups)
    anywhere = random.random(drawn) > _STAY + _CHANGE
    group[anywhere] = random.integers(len(groups), size=int(anywhere.sum()))
    place = np.minimum((members ** random.random(drawn)).astype(np.int64), members) - 1
    found = groups[group] + place
    _, first = np.unique(found, return_index=True)
    return found[np.sort(first)][:count]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="the .inter file, RecBole's format")
    parser.add_argument("--users", type=int, default=6_040)
    parser.add_argument("--items", type=int, default=3_706)
    parser.add_argument("--interactions", type=int, default=1_000_209)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    members = max(1, min(64, given.items // 2))
    groups = np.arange(1, given.items - members + 2, members)
    lengths = taken_by_user(given.users, given.items, given.interactions, random)
    worth = random.normal(3.5, 0.5, given.items + 1)
    written = 0
    with given.out.open("w", encoding="ascii") as file:
        file.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n")
        for user, length in enumerate(lengths, start=1):
            items = sequence(int(length), groups, members, random)
            times = _FIRST_SECOND + int(random.integers(90_000_000)) + np.cumsum(random.integers(1, 120, len(items)))
            stars = np.rint(worth[items] + random.normal(0, 0.4) + random.normal(0, 0.9, len(items))).clip(1, 5)
            rows = zip(items, stars, times, strict=True)
            file.writelines(f"{user}\t{item}\t{star:.0f}\t{time}\n" for item, star, time in rows)
            written += len(items)
    print(f"{given.out}: {written:,} interactions of {given.users:,} users on at most {given.items:,} items")


if __name__ == "__main__":
    main()
