"""The lists of a bundle as a stack of its own serves them, over gRPC and through Triton, beside the offline ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from trommel.ranking.v1.ranking_pb2 import RecommendRequest
from trommel.training.v1.training_pb2 import ActivateBundleRequest

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.evaluation.agreement import agreement, users_that_differ
from services.cli.evaluation.learnt_dataset import learnt_dataset
from services.cli.evaluation.leave_one_out import CONCURRENCY, LIST_ITEMS, Served, read_histories, serve_all
from services.cli.evaluation.offline import Afterwards, ReadLog
from services.cli.evaluation.private_stack import check_startable, private_stack
from services.cli.importing.importer import import_dataset, preflight
from services.cli.importing.preflight import Preflight
from services.cli.progress import progress
from services.cli.readers.records import Dataset
from services.core.bundle import BundleError
from services.core.bundle_copy import copy_bundle
from services.core.item_index import ItemIndex
from services.training.leave_one_out import LeaveOneOut, split_last
from services.training.steps.evaluate import list_metrics, pad_lists

_ACTIVATION_SECONDS = 180.0
_NOTICE_SECONDS = 60.0
_CALL_SECONDS = 15.0
_SEEN_KEPT = 8_000


@dataclass(frozen=True, slots=True)
class Serving:
    """To whom is served. most_users: asked for, evenly spaced among all; 0 asks for all."""

    most_users: int
    port_base: int | None

    def prepare(self, dataset: Dataset, read: ReadLog) -> Afterwards:
        """Find out, before anything is trained, what would keep the stack from serving. Raises CliError."""
        check_startable(self.port_base)
        learnt = learnt_dataset(dataset, read)
        found = preflight(learnt, "", holdout=False)
        for tally in (found.items, found.events):
            if tally.rejected:
                reason = tally.to_json()["reasons"][0]
                raise CliError(
                    f"{tally.rejected:,} rows of {learnt.name} cannot be imported, so that it cannot be served: "
                    f"line {reason['first_lines'][0]}: {reason['reason']}"
                )

        def afterwards(read: ReadLog, result: LeaveOneOut, bundle: Path) -> dict[str, Any]:
            try:
                return {"served": self._serve(read, result, bundle, learnt, found)}
            except CliError as error:
                # The figures of hours of training are not lost because of it.
                return {"served": {"error": str(error)}}

        return afterwards

    def _serve(
        self, read: ReadLog, result: LeaveOneOut, bundle: Path, learnt: Dataset, found: Preflight
    ) -> dict[str, Any]:
        places = sampled(len(result.users), self.most_users)
        offline = read.lists(result.users[places], result.slates[places])
        with private_stack(self.port_base) as settings:
            try:
                manifest, _ = copy_bundle(bundle, settings.bundles)
            except (BundleError, OSError) as error:
                raise CliError(f"the bundle cannot be put into the stack's store: {error}") from error
            served = asyncio.run(_go_live_and_ask(learnt, found, manifest.version, histories_of(read, places, result)))
        if not served.lists:
            raise CliError(f"no list was served ({', '.join(served.failures)})")
        index = ItemIndex(read.log.item_ids)
        targets, users = result.targets[places], list(offline)
        return {
            "users": len(users),
            **_metrics(served.lists, users, targets, index),
            "offline": _metrics(offline, users, targets, index),
            **compared(served, offline),
        }


def sampled(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of ``most`` of ``count`` users, evenly spaced, the same every time; of all where most is 0."""
    return np.linspace(0, count - 1, min(count, most or count)).astype(np.int64)


def compared(served: Served, offline: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return how the served lists and answers compare with the offline lists, and how the answers came."""
    p50, p99 = np.percentile(served.milliseconds, [50, 99]).tolist() if served.milliseconds else (0.0, 0.0)
    differing = users_that_differ(served.lists, offline)
    return {
        "agreement@10": agreement(served.lists, offline, 10),
        "agreement@100": agreement(served.lists, offline, LIST_ITEMS),
        "users_that_differ": len(differing),
        "first_that_differ": differing[:10],
        "degraded_answers": sum(served.degraded.values()),
        "degraded_reasons": dict(served.degraded),
        "failed_calls": sum(served.failures.values()),
        "failures": dict(served.failures),
        "calls_at_a_time": CONCURRENCY,
        "calls_per_second": round(len(served.milliseconds) / served.seconds, 1) if served.seconds else 0.0,
        "p50_milliseconds": round(p50, 2),
        "p99_milliseconds": round(p99, 2),
    }


def histories_of(read: ReadLog, places: np.ndarray[Any, Any], result: LeaveOneOut) -> dict[str, frozenset[str]]:
    """Return the items that each of the users had taken before the test, by user id."""
    split = split_last(read.log)
    return {
        read.user_ids[user]: frozenset(read.log.item_ids[split.log.sequence(int(user))].tolist())
        for user in result.users[places]
    }


def _metrics(
    lists: Mapping[str, Sequence[str]], users: Sequence[str], targets: np.ndarray[Any, Any], index: ItemIndex
) -> dict[str, float]:
    """The figures of lists; a user without one has found nothing."""
    rows = pad_lists([index.rows(lists.get(user, ())) for user in users], LIST_ITEMS)
    return list_metrics(rows, targets[:, None], index.item_count)


async def _go_live_and_ask(
    learnt: Dataset, found: Preflight, version: str, histories: Mapping[str, frozenset[str]]
) -> Served:
    imported = await import_dataset(learnt, "", found, None)
    events = imported["events"]
    if events["rejected"] or imported["items"]["rejected"]:
        raise CliError("not everything was recorded: the lists could not be the same")
    note(f"{events['recorded']:,} events recorded; bundle {version} goes live")
    async with stubs.training() as training:
        await training.ActivateBundle(ActivateBundleRequest(version=version), timeout=_ACTIVATION_SECONDS)
    users = list(histories)
    async with stubs.feedback() as feedback:
        with progress("histories", total=len(users), unit="users") as shown:
            kept = await read_histories(feedback, users, shown.update)
    _check_histories(kept.seen, histories)
    async with stubs.ranking() as ranking:
        await _until_it_serves(ranking, version, users[0])
        with progress("slates", total=len(users), unit="users") as shown:
            return await serve_all(ranking, users, "", shown.update)


def _check_histories(seen: Mapping[str, frozenset[str]], wanted: Mapping[str, frozenset[str]]) -> None:
    """Raise CliError if the stack knows other items of a user than were learnt from: a test item above all."""
    for user, items in wanted.items():
        if seen[user] != items and len(items) <= _SEEN_KEPT:
            raise CliError(
                f"the stack knows {len(seen[user] - items)} items too many and {len(items - seen[user])} too few of "
                f"user {user[:64]}'s history"
            )


async def _until_it_serves(ranking: Any, version: str, user: str) -> None:
    """Wait until candidates and ranking have both taken the bundle up. Raises CliError."""
    until = time.monotonic() + _NOTICE_SECONDS
    request, seen = RecommendRequest(user_id=user, count=LIST_ITEMS), ""
    while time.monotonic() < until:
        try:
            slate = (await ranking.Recommend(request, timeout=_CALL_SECONDS)).slate
            if slate.bundle_version == version and not slate.degraded_reasons:
                return
            seen = ", ".join(slate.degraded_reasons)
        except grpc.RpcError as error:
            seen = error.code().name
        await asyncio.sleep(0.2)
    raise CliError(f"bundle {version} does not serve after {_NOTICE_SECONDS:.0f} s ({seen or 'another one does'})")
