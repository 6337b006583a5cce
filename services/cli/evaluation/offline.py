"""Leave-one-out on a data set: reads it, trains the whole cascade, measures it; if asked, serves it and compares."""

from __future__ import annotations

import math
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.progress import progress
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord, ReadOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from services.training.leave_one_out import LeaveOneOut
    from services.training.steps.examples import InteractionLog
    from services.training.steps.fit_progress import Progress
    from services.training.steps.item_attributes import ItemAttributes

_KINDS_OF_REFUSAL = {"impression", "dislike", "hide"}


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A data set as columns.

    user_ids: by number. ordinals: int64 [E], the place of each interaction of the log among the events of the data
    set. categories: all of the items', as the catalogue has them. bad_rows: rows that could not be read. items: by id.
    """

    name: str
    user_ids: list[str]
    log: InteractionLog
    ordinals: NDArray[np.int64]
    categories: ItemAttributes | None
    bad_rows: int
    items: Mapping[str, ItemRecord]

    def lists(self, users: NDArray[np.int32], rows: NDArray[np.int32]) -> dict[str, list[str]]:
        """Item ids by user id, of users int32 [U] and their lists int32 [U, K], 0 after the end."""
        return {
            self.user_ids[user]: self.log.item_ids[items[items > 0]].tolist()
            for user, items in zip(users, rows, strict=True)
        }


Afterwards = Callable[["ReadLog", "LeaveOneOut", Path], dict[str, Any]]
"""What is done with the bundle, in the directory given, after it was measured; its figures join the others."""


def evaluate_offline(
    run: ProtocolRun,
    *,
    ablation: bool,
    serving: Callable[[Dataset, ReadLog], Afterwards] | None = None,
) -> dict[str, Any] | None:
    """Measure the cascade on a data set; None in all but the first of several processes that torchrun has started.

    Args:
        run: The predictions are the ranker's test lists. Killed, the same call goes on from what was kept.
        ablation: Whether what each source adds is measured too.
        serving: Called before the training with what was read; what it returns is called afterwards.

    Raises:
        CliError: The data set cannot be read, is too small, a test item leaked into training, or another process
            is gone.
    """
    from services.training.leave_one_out import PROTOCOL, LeakError, assist_leave_one_out, leave_one_out
    from services.training.steps import data_parallel
    from services.training.steps.bundle import DatasetError
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    config = TrainingConfig(seed=run.seed, threads=run.threads, ablation=ablation)
    more: dict[str, Any] = {}
    try:
        with data_parallel.joined() as rank:
            if rank > 0:
                # The first process may have to fetch the data set.
                data_parallel.from_first(None)
                assist_leave_one_out(read_log(open_dataset(run.dataset, run.format_name)).log, config)
                return None
            opened = open_dataset(run.dataset, run.format_name)
            read = read_log(opened)
            data_parallel.from_first(None)
            log = read.log
            note(f"{read.name}: {len(log):,} interactions of {log.user_count:,} users on {log.item_count:,} items")
            if read.bad_rows:
                note(f"{read.bad_rows:,} rows could not be read and are left out")
            afterwards = serving(opened, read) if serving is not None else None
            with scratch_store(run.keep) as store:
                with progress("leave-one-out", total=1.0) as shown:
                    result = leave_one_out(
                        log, config, store, lambda now: shown.update(*words_of(now)), categories=read.categories
                    )
                if run.predictions is not None:
                    write_predictions(run.predictions, read.lists(result.users, result.ranked))
                if afterwards is not None:
                    began = time.monotonic()
                    more = afterwards(read, result, store / result.manifest.version)
                    more["seconds"] = {"serve": round(time.monotonic() - began, 1)}
    except (LeakError, DatasetError, data_parallel.LostProcessError) as error:
        raise CliError(str(error)) from error
    figures = result.to_json()
    seconds = {**figures["seconds"], **more.pop("seconds", {})}
    options = {"no-ablation": None if ablation else True, "served": True if serving is not None else None}
    return {
        "dataset": read.name,
        "seed": run.seed,
        "interactions": len(log),
        **figures,
        **more,
        "bad_rows": read.bad_rows,
        "bundle": run.kept(result.manifest.version),
        **run.facts(PROTOCOL, started, seconds, options),
    }


def read_log(dataset: Dataset) -> ReadLog:
    """Read a data set: items are those that somebody took, in order of their ids, their categories the attributes.

    Events of equal time keep the order of the file.
    """
    import numpy as np
    from trommel.feedback.v1.feedback_pb2 import EventType

    from services.core.history_events import RATING
    from services.training.steps.examples import InteractionLog
    from services.training.steps.item_attributes import ItemAttributes

    users: dict[str, int] = {}
    items: dict[str, int] = {}
    owners, taken, times, places, bad_rows = array("i"), array("i"), array("q"), array("q"), 0
    types, ratings = array("b"), array("f")
    for ordinal, row in enumerate(dataset.events()):
        if isinstance(row, BadRow):
            bad_rows += 1
        elif is_interaction(row):
            places.append(ordinal)
            owners.append(users.setdefault(row.user_id, len(users)))
            taken.append(items.setdefault(row.item_id, len(items)))
            times.append(row.time_microseconds)
            types.append(EventType.Value(f"EVENT_TYPE_{row.kind.upper()}"))
            ratings.append(row.value if types[-1] == RATING and row.value is not None else math.nan)
    if not owners:
        raise CliError(f"{dataset.name} holds no interactions")
    item_ids = sorted(items)
    rows = np.empty(len(items), dtype=np.int32)
    rows[[items[item_id] for item_id in item_ids]] = np.arange(1, len(items) + 1)
    known = {item.item_id: item for item in dataset.items() if isinstance(item, ItemRecord)}
    names = [(), *(known[item_id].categories if item_id in known else () for item_id in item_ids)]
    log = InteractionLog.from_events(
        np.array(["", *item_ids], dtype=np.str_),
        np.array(owners, dtype=np.int32),
        rows[np.array(taken, dtype=np.int32)],
        np.array(times, dtype=np.int64),
        np.array(ratings, dtype=np.float32),
        types=np.array(types, dtype=np.int8),
        attributes=ItemAttributes.from_names(names),
    )
    contexts = {user.user_id: user.context for user in dataset.users()}
    if contexts:
        log = replace(log, contexts=[contexts.get(user_id, {}) for user_id in users])
    # The order of the log: by user, then by time, then as read.
    ordinals = np.array(places, dtype=np.int64)[np.lexsort((np.array(times), np.array(owners)))]
    return ReadLog(dataset.name, list(users), log, ordinals, ItemAttributes.all_of(names), bad_rows, known)


def is_interaction(row: EventRecord) -> bool:
    """Whether a user took the item. Impressions and refusals are no interactions."""
    return row.kind not in _KINDS_OF_REFUSAL


def open_dataset(dataset: str, format_name: str | None) -> Dataset:
    """Open "movielens-100k", or a path in a format that can be imported; without its name it is guessed.

    Raises:
        CliError: There is no such thing, or it is of no known format.
    """
    from services.cli.data_directory import datasets_directory
    from services.cli.datasets import movielens_100k
    from services.cli.readers.formats import FORMATS, guess_format, open_as

    if format_name is not None and format_name not in FORMATS:
        raise CliError(f"{format_name!r} is no format that can be read: there are {', '.join(FORMATS)}")
    path = Path(dataset)
    if dataset == movielens_100k.NAME and not path.exists():
        return open_as("movielens", movielens_100k.fetch_with_terms(datasets_directory()).path, ReadOptions())
    if not path.exists():
        raise CliError(f"there is no {path}: name a file, a directory or {movielens_100k.NAME}")
    found = format_name or guess_format(path)
    if found is None:
        raise CliError(f"{path} looks like none of {', '.join(FORMATS)}: say which with --format")
    return open_as(found, path, ReadOptions())


@contextmanager
def scratch_store(keep: Path | None) -> Iterator[Path]:
    """Give a bundle store: the one to keep, else one that is gone afterwards."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="trommel-evaluate-") as scratch:
        yield Path(scratch)


def words_of(now: Progress) -> tuple[float, str]:
    """Share of all the work and a few words; measuring on the test comes after everything else."""
    if now.stage == "test":
        return 0.95 + 0.05 * now.fraction, "test"
    parts = [now.stage]
    if now.loss is not None:
        parts.append(f"loss {now.loss:.3f}")
    if now.validation_ndcg is not None:
        parts.append(f"validation NDCG@10 {now.validation_ndcg:.4f}")
    if now.seconds_left is not None:
        parts.append(f"about {now.seconds_left:.0f} s left")
    return 0.95 * now.fraction, ", ".join(parts)
