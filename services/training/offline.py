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

from services.training.leave_one_out import leave_one_out
from services.training.steps.examples import InteractionLog
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


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle store to write to")
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--version")
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
    started = time.perf_counter()
    printed = 0.0

    def show(progress: Progress) -> None:
        nonlocal printed
        now = time.perf_counter()
        if now - printed > 10:
            printed = now
            print(f"{now - started:6.0f} s  {progress}", file=sys.stderr, flush=True)  # noqa: T201

    result = leave_one_out(log, config, arguments.bundle, show, arguments.version)
    summary = {**result.to_json(), "cpu_seconds": round(time.process_time(), 1)}
    summary["training"] = {name: value for name, value in summary["training"].items() if name != "config"}
    print(json.dumps(summary, indent=2))  # noqa: T201
    if arguments.predictions:
        with arguments.predictions.open("w", encoding="utf-8") as out:
            for user, rows in zip(result.users, result.ranked, strict=True):
                out.write(f"{user_ids[user]}\t{' '.join(log.item_ids[rows[rows > 0]])}\n")


if __name__ == "__main__":
    main()
