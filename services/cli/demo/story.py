"""The story of the demo, from an empty directory to an empty machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.console import note, output
from services.cli.data_directory import datasets_directory, holdout_file
from services.cli.datasets import movielens_100k
from services.cli.demo import person
from services.cli.demo.chapters import Chapters
from services.cli.demo.parts import show_metrics_pages, show_processes
from services.cli.demo.place import claim, empty, settle
from services.cli.demo.second_training import train_under_traffic
from services.cli.demo.training import print_metrics, train
from services.cli.ending import ends_orderly, undisturbed
from services.cli.evaluation.evaluation import evaluate_served
from services.cli.evaluation.report import print_evaluation
from services.cli.importing.holdout import HeldOutEvent, read_holdout
from services.cli.importing.importer import import_dataset, preflight
from services.cli.importing.report import print_preflight, print_result
from services.cli.latency import measure
from services.cli.metrics_pages import read_metrics, total
from services.cli.readers.formats import open_as
from services.cli.readers.records import ReadOptions
from services.embedded import StackError, StackSettings, down, status, up
from services.embedded.ports import LOOPBACK, ports_of

_USER = "1"
_LEAST_RANKED = 300
_MOST_ECHOES = 12.0


def tell(data_dir: Path, port_base: int | None, *, keep: bool, max_epochs: int) -> None:
    """Tell the story on a stack of its own, which is stopped at the end, however the story ends.

    Raises:
        CliError: A chapter failed.
    """
    path = claim(data_dir)
    with ends_orderly():
        try:
            # An earlier demo may have been killed: its processes go first, then its files.
            settings = settle(path, port_base)
            down(settings, note)
            empty(path)
            failed = True
            try:
                _chapters(settings, max_epochs)
                failed = False
            finally:
                if failed or not keep:
                    _tear_down(settings)
        except StackError as error:
            raise CliError(str(error)) from error
    if keep:
        output().print(f"the stack goes on; use it with: export TROMMEL_DATA_DIR={path}", soft_wrap=True)


def _chapters(settings: StackSettings, max_epochs: int) -> None:
    book = Chapters()
    with book.chapter("The films: MovieLens-100K"):
        fetched = movielens_100k.fetch_with_terms(datasets_directory())
        output().print(f"{fetched.ratings:,} ratings of {fetched.items:,} films by {fetched.users:,} users")
        output().print(f"from {fetched.origin}")
    with book.chapter("The stack: real PostgreSQL, Redis and Triton, four services, a worker"):
        show_processes(up(settings, note).processes)
    with book.chapter("Import through the gRPC API: all but each user's last rating"):
        held_out = _import(fetched.path)
    with book.chapter("Training: Transformer and sources, ONNX, Triton, live"):
        print_metrics(asyncio.run(train(warm_start=False, max_epochs=max_epochs)).metrics)
    with book.chapter("How good the served slates are: every user's last rating, which nobody has seen"):
        _evaluate(held_out)
    with book.chapter("One user"):
        asyncio.run(person.show_history(_USER))
        slate = asyncio.run(person.show_slate(_USER))
    with book.chapter("Three clicks"):
        item = next(event.item_id for event in held_out if event.user_id == _USER)
        asyncio.run(person.click_and_show(_USER, slate, item))
    users = [event.user_id for event in held_out]
    with book.chapter("How fast: one caller, beside a bare gRPC echo of the same payload"):
        _measure_latency(users)
    with book.chapter("A second training goes live under traffic"):
        asyncio.run(train_under_traffic(users))
        output().print("The same held-out ratings against the new bundle:")
        _evaluate(held_out)
    with book.chapter("Where to look: processes and metrics pages"):
        _look(settings)
    output().print()
    book.print_times()


def _import(path: Path) -> list[HeldOutEvent]:
    dataset = open_as("movielens", path, ReadOptions())
    found = preflight(dataset, "", holdout=True)
    print_preflight(found.to_json())
    file = holdout_file(dataset.name)
    result = asyncio.run(import_dataset(dataset, "", found, file))
    print_result(result)
    if result["events"]["recorded"] != found.events.accepted - len(found.held_out):
        raise CliError("not every event was recorded")
    return read_holdout(file)


def _evaluate(held_out: list[HeldOutEvent]) -> None:
    result = asyncio.run(evaluate_served(held_out, "", None))
    print_evaluation(result)
    if result["failed_calls"]:
        raise CliError(f"{result['failed_calls']} calls failed")


def _measure_latency(users: list[str]) -> None:
    measured = measure(users)
    for name, times in (("Recommend", measured.recommend), ("bare echo", measured.echo)):
        output().print(
            f"{name}: p50 [bold]{times.percentile(50):.2f} ms[/bold], p99 {times.percentile(99):.2f} ms "
            f"({len(times.milliseconds)} calls)"
        )
    output().print(
        f"Recommend is [bold]{measured.ratio:.1f}×[/bold] the echo at the median (aim: at most {_MOST_ECHOES:.0f}×); "
        f"at least {measured.least_ranked} candidates ranked a call, {measured.payload_bytes:,} bytes a slate, "
        f"{measured.degraded} degraded",
        soft_wrap=True,
    )
    if measured.least_ranked < _LEAST_RANKED:
        raise CliError(f"only {measured.least_ranked} candidates were ranked, not {_LEAST_RANKED}")


def _look(settings: StackSettings) -> None:
    show_processes(status(settings))
    show_metrics_pages(settings.port_base)
    triton = read_metrics(f"http://{LOOPBACK}:{ports_of('triton', settings.port_base)['metrics']}/metrics")
    inferences = total(triton, "nv_inference_request_success_total")
    output().print(f"Triton has answered {inferences:,.0f} inference requests")
    if not inferences:
        raise CliError("Triton has answered nothing: the slates came from elsewhere (trommel doctor)")


def _tear_down(settings: StackSettings) -> None:
    with undisturbed():
        done = down(settings, note)
        output().print(f"stopped {done.stopped_count} processes; nothing is left running")
