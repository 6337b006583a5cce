"""Leave-one-out: each user's last interaction is the test, the one before it validation, the rest training.

The whole cascade is fitted without the test interactions, every choice is made on validation, and the sealed bundle
is measured on the test interactions over all items, those of the user's history left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleManifest, new_version
from services.core.cascade import candidates_for
from services.core.metrics import groups, ranking, variety
from services.training.steps.bundle import fit_bundle
from services.training.steps.evaluate import LIST_LENGTH, list_metrics
from services.training.steps.examples import HeldOut, Int32, InteractionLog, hold_out_last
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.served_lists import ServedLists, served_lists

PROTOCOL = "leave-one-out"

_LENGTH_EDGES = (5, 10, 20, 50)
_LENGTHS = ("0-4", "5-9", "10-19", "20-49", "50 or more")
_LEAST_GROUP = 50


class LeakError(Exception):
    """A test interaction is among those to learn from. The message is one line for a person."""


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """What came out.

    test: metrics of each source, the candidate stage, the ranker and the slate on the test interactions: equal for
    equal data, seed, threads and machine. users: int32 [U]. targets: int32 [U], the rows that are looked for.
    ranked, slates: int32 [U, 100], the ranker's lists and what the policy makes of them. seconds: by phase.
    """

    manifest: BundleManifest
    test: dict[str, dict[str, float]]
    users: Int32
    targets: Int32
    ranked: Int32
    slates: Int32
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures without the lists."""
        return {
            "protocol": PROTOCOL,
            "users": len(self.users),
            "items": self.manifest.item_count,
            "validation": dict(self.manifest.metrics),
            "test": self.test,
            "training": {**self.manifest.training},
            "seconds": self.seconds,
        }


def split_last(log: InteractionLog) -> HeldOut:
    """Hold out the last interaction of every user who has at least one before it. Raises LeakError."""
    split = hold_out_last(log)
    check_no_leak(log, split)
    return split


def check_no_leak(log: InteractionLog, split: HeldOut) -> None:
    """Raise LeakError unless each held-out interaction, and it alone, is missing from what is learnt from."""
    for user, target in zip(split.users, split.targets, strict=True):
        there, left = log.sequence(int(user)), split.log.sequence(int(user))
        if len(left) != len(there) - 1 or (left == target).sum() != (there == target).sum() - 1:
            raise LeakError(f"the test item {log.item_ids[target]} of a user is among the interactions to learn from")


def leave_one_out(
    log: InteractionLog,
    config: TrainingConfig,
    store: Path,
    report: Callable[[Progress], None],
    version: str | None = None,
    categories: ItemAttributes | None = None,
) -> LeaveOneOut:
    """Fit a bundle into ``store`` and measure it. Raises LeakError and what fit_bundle raises.

    categories: all of the items' in the catalogue, by which slates are arranged.
    """
    started = time.perf_counter()
    split = split_last(log)
    manifest = fit_bundle(split.log, config, store, version or new_version(), report)
    fitted = time.perf_counter()
    served = served_lists(
        store / manifest.version,
        split,
        candidates_for(LIST_LENGTH, config.candidates),
        categories,
        lambda share: report(Progress("test", share)),
    )
    seconds = {"fit": round(fitted - started, 1), "test": round(time.perf_counter() - fitted, 1)}
    return LeaveOneOut(
        manifest, measure(served, split), split.users, split.targets, served.ranked, served.slates, seconds
    )


def measure(served: ServedLists, split: HeldOut) -> dict[str, dict[str, float]]:
    """Metrics by source, of "candidates", "ranker" and "slate", and the ranker's recall@10 "by_history_length"."""
    targets, item_count = split.targets, split.log.item_count
    relevant = targets[:, None]
    table = {name: list_metrics(lists, relevant, item_count) for name, lists in served.sources.items()}
    table["candidates"] = {
        f"recall@{count}": ranking.recall(served.candidates, relevant, count) for count in (100, 300, 500)
    }
    table["candidates"]["mean_count"] = float((served.candidates > 0).sum(axis=1).mean()) if len(targets) else 0.0
    counts = np.bincount(split.log.rows, minlength=item_count + 1)
    for name, lists in (("ranker", served.ranked), ("slate", served.slates)):
        table[name] = {
            **list_metrics(lists, relevant, item_count),
            **_standard_errors(lists, relevant),
            "precision@10": ranking.precision(lists, relevant, 10),
            "f1@10": ranking.f1(lists, relevant, 10),
            "map@10": ranking.mean_average_precision(lists, relevant, 10),
            "gini@10": variety.gini(lists, item_count, 10),
            "novelty@10": variety.novelty(lists, counts, 10),
            "long_tail_share@10": variety.long_tail_share(lists, counts, 10),
        }
    found: NDArray[np.float64] = np.asarray(ranking.hits(served.ranked, relevant, 10).any(axis=1), dtype=np.float64)
    lengths = np.diff(split.log.starts)[split.users]
    names = np.array(_LENGTHS)[np.searchsorted(_LENGTH_EDGES, lengths, side="right")].tolist()
    table["by_history_length"] = {
        **groups.by_group(found, names),
        "largest_gap": groups.largest_gap(found, names, least_users=_LEAST_GROUP),
    }
    return table


def _standard_errors(lists: Int32, relevant: Int32) -> dict[str, float]:
    """Standard errors over users of recall@10 and ndcg@10, one relevant item each."""
    found = ranking.hits(lists, relevant, 10)
    gains = (found / np.log2(np.arange(2, found.shape[1] + 2))).sum(axis=1)
    root = max(len(lists), 1) ** 0.5
    return {
        "recall@10_se": float(found.any(axis=1).std() / root) if len(lists) else 0.0,
        "ndcg@10_se": float(gains.std() / root) if len(lists) else 0.0,
    }
