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

from services.core.bundle import BundleManifest, bundle_path, read_array, verify_bundle
from services.core.cascade import candidates_for
from services.core.metrics import ranking
from services.core.sources.sequence import ITEM_VECTORS, SequenceSource
from services.training.bundle_figures import bundle_figures
from services.training.steps.bundle import fit_bundle
from services.training.steps.dataset_facts import dataset_facts
from services.training.steps.evaluate import LIST_LENGTH, list_metrics
from services.training.steps.evaluate_groups import measure_groups
from services.training.steps.examples import HeldOut, Int32, InteractionLog, hold_out_last
from services.training.steps.fit import assist_fit
from services.training.steps.fit_checkpoint import fingerprint
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.head_figures import action_figures, head_figures
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.leak_check import LeakError, check_no_leak
from services.training.steps.list_figures import all_lists, differences, list_figures, recall_curves
from services.training.steps.plan import forget_run, plan_run
from services.training.steps.served_lists import ServedLists, served_lists

__all__ = ["PROTOCOL", "LeakError", "LeaveOneOut", "leave_one_out", "measure", "split_last"]

PROTOCOL = "leave-one-out"


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """What came out.

    test: metrics of each source, the candidate stage, the ranker and the slate on the test interactions: equal for
    equal data, seed, threads and machine. details: what else is known of the data and the lists, by what it is.
    users: int32 [U]. targets: int32 [U], the rows that are looked for. ranked, slates: int32 [U, 100], the ranker's
    lists and what the policy makes of them. seconds: by phase.
    """

    manifest: BundleManifest
    test: dict[str, dict[str, float]]
    details: dict[str, Any]
    users: Int32
    targets: Int32
    ranked: Int32
    slates: Int32
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures without the lists; equal for equal runs but for "seconds"."""
        of_bundle = bundle_figures(self.manifest, self.seconds)
        return {
            "protocol": PROTOCOL,
            "users": len(self.users),
            "test": self.test,
            **self.details,
            "ablation": of_bundle["training"].pop("ablation", None),
            **of_bundle,
        }


def split_last(log: InteractionLog) -> HeldOut:
    """Hold out the last interaction of every user who has at least one before it. Raises LeakError."""
    split = hold_out_last(log)
    check_no_leak(log, split)
    return split


def leave_one_out(
    log: InteractionLog,
    config: TrainingConfig,
    store: Path,
    report: Callable[[Progress], None],
    version: str | None = None,
    categories: ItemAttributes | None = None,
) -> LeaveOneOut:
    """Fit a bundle into ``store`` and measure it. Raises LeakError and what fit_bundle raises.

    Killed, the same call on the same store goes on from the last finished epoch, unless it names a version.
    categories: all of the items' in the catalogue, by which slates are arranged.
    """
    started = time.perf_counter()
    split = split_last(log)
    run = f"leave-one-out-{fingerprint(split.log, config, '')}"
    planned = version or plan_run(store, run, warm_start=False).version
    sealed = bundle_path(store, planned)
    if version is None and sealed.is_dir():
        manifest = verify_bundle(sealed)
    else:
        manifest = fit_bundle(split.log, config, store, planned, report)
    fitted = time.perf_counter()
    served = served_lists(
        store / manifest.version,
        split,
        candidates_for(LIST_LENGTH, config.candidates),
        categories,
        lambda share: report(Progress("test", share)),
    )
    test = measure(served, split, _item_vectors(store / manifest.version, manifest))
    details = {
        "data": dataset_facts(log, split),
        "differences": differences(served, split),
        "groups": measure_groups(all_lists(served), split),
        "recall_curves": recall_curves(served, split),
        "heads": {**head_figures(served, split.targets), **action_figures(served, split)},
    }
    seconds = {"fit": round(fitted - started, 1), "test": round(time.perf_counter() - fitted, 1)}
    forget_run(store, run)
    return LeaveOneOut(manifest, test, details, split.users, split.targets, served.ranked, served.slates, seconds)


def assist_leave_one_out(log: InteractionLog, config: TrainingConfig) -> None:
    """What leave_one_out of the same arguments needs of every other process. Raises what assist_fit raises."""
    assist_fit(split_last(log).log.without_repeats(), config)


def measure(
    served: ServedLists, split: HeldOut, vectors: NDArray[np.float32] | None = None
) -> dict[str, dict[str, float]]:
    """Metrics by source, of "candidates", "ranker" and "slate". vectors: as of list_figures."""
    targets, item_count = split.targets, split.log.item_count
    relevant = targets[:, None]
    figures = list_figures(served, split, vectors)
    table = {
        name: {**list_metrics(lists, relevant, item_count), **figures[name]}
        for name, lists in all_lists(served).items()
    }
    for name, lists in (("ranker", served.ranked), ("slate", served.slates)):
        table[name] |= {
            "hit_rate@10": ranking.hit_rate(lists, relevant, 10),
            "precision@10": ranking.precision(lists, relevant, 10),
            "f1@10": ranking.f1(lists, relevant, 10),
            "map@10": ranking.mean_average_precision(lists, relevant, 10),
        }
    table["candidates"] = {
        f"recall@{count}": ranking.recall(served.candidates, relevant, count) for count in (100, 300, 500)
    }
    table["candidates"]["mean_count"] = float((served.candidates > 0).sum(axis=1).mean()) if len(targets) else 0.0
    return table


def _item_vectors(bundle: Path, manifest: BundleManifest) -> NDArray[np.float32] | None:
    """float32 [N+1, D] of the Transformer; None in a bundle without it as a source, which keeps none of them."""
    return read_array(bundle, ITEM_VECTORS) if SequenceSource.name in manifest.sources else None
