"""Leave-one-out on a file of interactions: fits a bundle without the test items and writes its predictions.

For developers: ``python -m services.training.offline --interactions ml-100k.inter --seed 0 --bundle DIR
--predictions OUT.tsv``. Reads RecBole atomic files (``user_id:token item_id:token rating:float timestamp:float``,
tab-separated) and S3-Rec sequences (a user a line: ``user item item …``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from services.core.bundle import RANKER, USER_ENCODER, new_version, read_manifest
from services.core.sources.registry import load_sources
from services.core.sources.source import History
from services.training.steps.bundle import fit_bundle
from services.training.steps.evaluate import list_metrics, merge, pad_lists
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress


def read_interactions(path: Path) -> tuple[list[str], InteractionLog]:
    """User ids by number, and the log; events of equal time keep the order of the file."""
    users: list[str] = []
    items: list[str] = []
    times: list[float] = []
    with path.open(encoding="utf-8") as lines:
        if path.suffix == ".inter":
            next(lines)
            for line in lines:
                user, item, _, moment = line.rstrip("\n").split("\t")
                users.append(user)
                items.append(item)
                times.append(float(moment))
        else:
            for line in lines:
                user, *taken = line.split()
                users.extend([user] * len(taken))
                items.extend(taken)
                times.extend(range(len(taken)))
    user_ids, user_numbers = np.unique(np.array(users), return_inverse=True)
    item_ids, item_numbers = np.unique(np.array(items), return_inverse=True)
    log = InteractionLog.from_events(
        np.array(["", *item_ids.tolist()]),
        user_numbers.astype(np.int32),
        (item_numbers + 1).astype(np.int32),
        (np.array(times) * 1e6).astype(np.int64),
    )
    return user_ids.tolist(), log


def served_lists(bundle: Path, split: HeldOut, config: TrainingConfig) -> tuple[list[np.ndarray], np.ndarray]:
    """The bundle's lists for the held-out users, through its ONNX models and serving sources, and the candidates."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = {
        name: onnxruntime.InferenceSession(str(bundle / "models" / name / "model.onnx"), options)
        for name in (USER_ENCODER, RANKER)
    }
    manifest = read_manifest(bundle)
    sources = load_sources(bundle, manifest.sources)
    settings = manifest.models[RANKER]
    lists, merged = [], []
    for user in split.users:
        seen = split.log.sequence(int(user))
        rows = seen[-settings.max_history :]
        length = next(bucket for bucket in settings.history_buckets if bucket >= len(rows))
        items = np.zeros((1, length), dtype=np.int64)
        items[0, length - len(rows) :] = rows
        vector = sessions[USER_ENCODER].run(None, {"history_items": items})[0][0]
        history = History.of(rows, vector)
        proposals = [source.retrieve(history, config.candidates_per_source, seen) for source in sources.values()]
        candidates = merge(proposals, config.merged_candidates)
        features = np.stack([source.score_rows(history, candidates) for source in sources.values()], axis=-1)
        inputs = {
            "history_items": items,
            "candidate_items": candidates[None].astype(np.int64),
            "candidate_features": features[None],
        }
        scores = sessions[RANKER].run(None, inputs)[0][0, :, 0]
        lists.append(candidates[np.argsort(-scores, kind="stable")])
        merged.append(candidates)
    return lists, pad_lists(merged, config.merged_candidates)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle store to write to")
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--version")
    parser.add_argument("--warm-start", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--max-history", type=int)
    parser.add_argument("--finish-epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    arguments = parser.parse_args()

    config = TrainingConfig(seed=arguments.seed, threads=arguments.threads)
    changes = {
        name: value
        for name in ("epochs", "max_history", "finish_epochs", "learning_rate")
        if (value := getattr(arguments, name)) is not None
    }
    config = replace(config, transformer=replace(config.transformer, **changes))
    user_ids, log = read_interactions(arguments.interactions)
    split = hold_out_last(log)
    started = time.perf_counter()
    printed = 0.0

    def show(progress: Progress) -> None:
        nonlocal printed
        now = time.perf_counter()
        if now - printed > 10:
            printed = now
            print(f"{now - started:6.0f} s  {progress}", file=sys.stderr, flush=True)  # noqa: T201

    manifest = fit_bundle(
        split.log,
        config,
        arguments.bundle,
        arguments.version or new_version(),
        show,
        warm_start=arguments.warm_start,
    )
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time()
    path = arguments.bundle / manifest.version
    lists, candidates = served_lists(path, split, config)
    relevant = split.targets[:, None]
    summary = {
        "version": manifest.version,
        "fit_seconds": round(seconds, 1),
        "fit_cpu_seconds": round(cpu_seconds, 1),
        "validation": dict(manifest.metrics),
        "test": list_metrics(pad_lists(lists, 100), relevant, log.item_count),
        "test_candidates_recall": float((candidates == relevant).any(axis=1).mean()),
        "training": {name: value for name, value in manifest.training.items() if name != "config"},
    }
    print(json.dumps(summary, indent=2))  # noqa: T201
    if arguments.predictions:
        with arguments.predictions.open("w", encoding="utf-8") as out:
            for user, rows in zip(split.users, lists, strict=True):
                out.write(f"{user_ids[user]}\t{' '.join(log.item_ids[rows[:100]])}\n")


if __name__ == "__main__":
    main()
