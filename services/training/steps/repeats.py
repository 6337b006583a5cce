"""Repeats: how often and how soon users take the same item again, before a log is reduced to what they took first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

_SAMPLED = 4_000
_WINDOW = 200
_DECAYS = np.arange(0.0, 3.01, 0.05)
# Interactions of the average item that each item's own rate is mixed with: few say little.
_PRIOR = 10.0


@dataclass(frozen=True, slots=True)
class Repeats:
    """What a log says of taking again. The same item several times in a row (a click, then a rating) is one taking.

    share: of the interactions that repeat an earlier one of the same user. rates: float32 [N+1], of an item's
    interactions the share that its taker repeats later, drawn towards the mean where there are few; row 0 zero.
    decay: the power by which chances fall with the number of other items taken since (see ``_decay``).
    """

    share: float
    rates: NDArray[np.float32]
    decay: float

    @classmethod
    def of(cls, starts: Int64, rows: Int32, item_count: int) -> Repeats | None:
        """The repeats of a log (see ``InteractionLog`` for the columns); None where nobody took anything again."""
        users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        anew = np.ones(len(rows), dtype=np.bool_)
        anew[1:] = (rows[1:] != rows[:-1]) | (users[1:] != users[:-1])
        users, rows = users[anew], rows[anew]
        _, first = np.unique(users * (item_count + 1) + rows, return_index=True)
        again = np.ones(len(rows), dtype=np.bool_)
        again[first] = False
        if not again.any():
            return None
        share = float(again.mean())
        taken = np.bincount(rows, minlength=item_count + 1)
        rates = (np.bincount(rows[again], minlength=item_count + 1) + _PRIOR * share) / (taken + _PRIOR)
        rates[0] = 0.0
        places = np.flatnonzero(again)
        places = places[np.linspace(0, len(places) - 1, min(len(places), _SAMPLED)).astype(np.int64)]
        begins = np.searchsorted(users, users[places])
        return cls(share, rates.astype(np.float32), _decay(rows, places, begins, rates))


def _decay(rows: Int32, places: Int64, begins: Int64, rates: Float64) -> float:
    """The most likely power: P(j is the one repeated) ∝ rate_j · d_j^-decay over what the user took before.

    d_j: other items taken since j was last taken, from 1 on. Of a grid, the least of equals.
    """
    qualities, distances = np.zeros((len(places), _WINDOW)), np.ones((len(places), _WINDOW))
    targets = np.zeros(len(places), dtype=np.int64)
    usable = np.zeros(len(places), dtype=np.bool_)
    for number, latest_first in enumerate(_choices(rows, places, begins)):
        found = np.flatnonzero(latest_first == rows[places[number]])
        usable[number] = len(found) > 0
        targets[number] = found[0] if len(found) else 0
        qualities[number, : len(latest_first)] = rates[latest_first]
        distances[number, : len(latest_first)] = np.arange(1, len(latest_first) + 1)
    if not usable.any():
        return 0.0
    qualities, logs, targets = qualities[usable], np.log(distances[usable]), targets[usable]
    likelihoods = []
    for decay in _DECAYS:
        weights = qualities * np.exp(-decay * logs)
        chosen = weights[np.arange(len(weights)), targets]
        likelihoods.append(float(np.log(chosen / weights.sum(axis=1)).sum()))
    return float(_DECAYS[int(np.argmax(likelihoods))])


def _choices(rows: Int32, places: Int64, begins: Int64) -> Iterator[Int32]:
    """For each place the distinct items of the user's newest interactions before it, latest first, less the newest."""
    for place, begin in zip(places.tolist(), begins.tolist(), strict=True):
        latest_first = rows[max(begin, place - _WINDOW) : place][::-1]
        _, newest = np.unique(latest_first, return_index=True)
        yield latest_first[np.sort(newest)][1:]
