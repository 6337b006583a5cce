"""What a data set is like: how much there is, how unevenly, and how long the histories are."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.training.steps.examples import HeldOut, InteractionLog

_SHARES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


def dataset_facts(log: InteractionLog, split: HeldOut) -> dict[str, Any]:
    """Counts and quantiles of the whole log, and of its test interactions.

    density: distinct pairs of user and item / (users · items). repeats: share of interactions with an item that the
    user had taken before. history_lengths, item_counts: interactions of a user and of an item, quantiles by
    "0", "25", … "100" percent. history_histogram: users by length, edges doubling. attributes: distinct ones known of
    the items. repeated_targets, unknown_targets: shares of the test items that the user had before, and that nobody
    had: neither can be found, since nothing is recommended twice and nothing is learnt of the others.
    """
    distinct = len(log.without_repeats())
    lengths = np.diff(log.starts)
    lengths = lengths[lengths > 0]
    counts = np.bincount(log.rows, minlength=log.item_count + 1)[1:]
    known = np.bincount(split.log.rows, minlength=log.item_count + 1) > 0
    repeated = [
        bool((split.log.sequence(int(user)) == target).any())
        for user, target in zip(split.users, split.targets, strict=True)
    ]
    return {
        "users": len(lengths),
        "items": log.item_count,
        "interactions": len(log),
        "density": distinct / max(len(lengths) * log.item_count, 1),
        "repeats": 1 - distinct / max(len(log), 1),
        "attributes": log.attributes.count if log.attributes is not None else 0,
        "history_lengths": _quantiles(lengths),
        "item_counts": _quantiles(counts),
        "history_histogram": _histogram(lengths),
        "test_users": len(split.users),
        "repeated_targets": float(np.mean(repeated)) if repeated else 0.0,
        "unknown_targets": float((~known[split.targets]).mean()) if len(split.targets) else 0.0,
    }


def _quantiles(values: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
    if not len(values):
        return {}
    return {f"{100 * share:.0f}": float(np.quantile(values, share)) for share in _SHARES}


def _histogram(lengths: np.ndarray[Any, np.dtype[np.int64]]) -> list[dict[str, int]]:
    """Users with from ≤ length ≤ to, as rows {"from", "to", "users"}."""
    if not len(lengths):
        return []
    powers = np.log2(lengths).astype(np.int64)
    users = np.bincount(powers)
    first = int(np.flatnonzero(users)[0])
    return [
        {"from": 2**power, "to": 2 ** (power + 1) - 1, "users": int(users[power])} for power in range(first, len(users))
    ]
