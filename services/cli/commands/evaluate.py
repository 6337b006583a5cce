"""`trommel evaluate`: how good the slates are, served or on a data set of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import options
from services.cli.commands.stack import PortBase
from services.cli.evaluation.protocol_options import Protocol, TextTuning, refuse, transfer_of, tuning_of

if TYPE_CHECKING:
    from services.cli.evaluation.protocol_run import ProtocolRun


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "evaluate",
        epilog=options.examples(
            "trommel evaluate --served movielens-100k",
            "trommel evaluate movielens-100k --protocol leave-one-out --seed 1 --json figures.json --report out.html",
            "trommel evaluate movielens-100k --protocol leave-one-out --served",
            "trommel evaluate transfer --source movielens-100k --target instruments.zip",
            "trommel evaluate --served --holdout beauty.holdout.jsonl --predictions beauty.tsv --json",
        ),
    )(evaluate)


Show = Callable[[dict[str, Any]], None]
"""Prints figures for people."""


def evaluate(
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="With --protocol a data set to train on; else an imported one, or its holdout file. Or: transfer."
        ),
    ] = None,
    protocol: Annotated[
        Protocol | None, typer.Option(help="Train on the data set and measure on what was held out, without a stack.")
    ] = None,
    served: Annotated[
        bool,
        typer.Option(
            "--served",
            help="Over the running stack: the default. With --protocol: then serve the bundle from a stack of its own "
            "and compare the lists.",
        ),
    ] = False,
    served_users: Annotated[
        int, typer.Option(min=0, help="Most users to serve, with --protocol, evenly spaced; 0 means all.")
    ] = 5_000,
    port_base: PortBase = None,
    holdout: Annotated[Path | None, typer.Option("--holdout", help="The holdout file.")] = None,
    scenario: options.Scenario = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random, with --protocol.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the training, with --protocol.")] = 2,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Format of the data set, with --protocol; else it is guessed.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Bundle store that the trained bundle stays in, with --protocol; with leave-one-out, killed, the same "
            "command goes on."
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Write the lists here: user<TAB>item item …; with --protocol the offline ranker's best 100."),
    ] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation/--no-ablation", help="Measure what each source adds, with --protocol.")
    ] = True,
    report: Annotated[
        Path | None, typer.Option(help="Write a page about it here, one HTML file, with --protocol.")
    ] = None,
    descriptions: Annotated[
        Path | None,
        typer.Option(
            help="More about the items, with --protocol cold-items or ratings, or about the source's: JSON lines with "
            "item_id, text, categories and attributes, or a .dat file of films, which is joined by title and year."
        ),
    ] = None,
    cold_share: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.5,
            help="Share held out: of the items, with --protocol cold-items or ratings; of the users, with new-users.",
        ),
    ] = 0.1,
    share: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.4,
            help="Of the ratings for the test, and again for validation: --protocol ratings. Of the target's events to "
            "learn from: transfer.",
        ),
    ] = 0.1,
    tune_text: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            metavar="EPOCHS",
            help="With --protocol cold-items: fine-tune the text encoder together with the ranker, for so many epochs.",
        ),
    ] = 0,
    text_tasks: Annotated[
        str,
        typer.Option(metavar="TASKS", help="With --tune-text: learn these too, separated by commas: category, rating."),
    ] = "",
    source: Annotated[str | None, typer.Option(help="With transfer: the data set of which much is known.")] = None,
    target: Annotated[
        str | None, typer.Option(help="With transfer: the data set of which little or nothing is known.")
    ] = None,
    data_dir: options.DataDir = None,
    as_json: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="[OUT]",
            help="Write JSON into this file; without a file, print it, and only it, on standard output.",
        ),
    ] = None,
) -> None:
    """Leave-one-out: look for the item that every held-out user met next in their list.

    Over the running stack the slates are those that are served. With --protocol the whole cascade is trained on the
    data set first: the last interaction of each user is the test, the one before it validation. With --protocol and
    --served the bundle then serves from a stack of its own, which is gone afterwards, and the command fails where the
    served lists hold the offline items in less than 99.9 % of the positions.

    Cold items: a share of the items is taken out of all training, and ranked, from what they are, for the users who
    met them; beside what the texts' nearest neighbours can do.

    New users: a share of the users is taken out of all training, and recommended to by one, three and five picks of
    theirs; beside popularity.

    Ratings: a share of the ratings is foretold by the rating head, beside means, biases and matrix factorisation, and
    so are those of items that were taken out of all training.

    Transfer: `evaluate transfer --source A --target B` ranks the items of B by their texts alone, by a training on A
    and a share of the events of B, and by one on that share alone.
    """
    del data_dir  # its callback has chosen the directory
    from services.cli.output_file import check_outputs

    if port_base is not None and not (protocol and served):
        from services.cli.cli_error import CliError
        from services.cli.exit_codes import USAGE

        raise CliError("--port-base is for the stack of --protocol with --served", USAGE)
    protocol, dataset = transfer_of(protocol, dataset, source, target)
    tuning = tuning_of(protocol, tune_text, text_tasks)
    # Before the work, which takes minutes: a file that cannot be written must not cost all of it.
    check_outputs([Path(as_json) if as_json not in {None, "-"} else None, predictions, report])
    if protocol is not None and protocol is not Protocol.leave_one_out:
        given = {"--served": served, "--report": report, "--predictions": predictions, "--keep": keep}
        refuse(protocol, [name for name, value in given.items() if value])
        from services.cli.ending import ends_orderly

        with ends_orderly():
            offline = _protocol_run(dataset, format_name, seed, threads, predictions, keep)
            figures, show = _measured(protocol, offline, descriptions, share, cold_share, source, tuning)
        _say(figures, as_json, show)
        return
    if protocol is not None:
        from services.cli.ending import ends_orderly

        with ends_orderly():
            result = _by_protocol(
                _protocol_run(dataset, format_name, seed, threads, predictions, keep),
                served_users if served else None,
                port_base,
                ablation=ablation,
                reported=report is not None,
            )
        if result is not None:
            _say_by_protocol(result, as_json, report)
        return
    if report is not None:
        from services.cli.cli_error import CliError
        from services.cli.exit_codes import USAGE

        raise CliError("--report tells of a training and its test: give --protocol too", USAGE)
    from services.cli.connection import run
    from services.cli.evaluation.evaluation import evaluate_served
    from services.cli.evaluation.report import print_evaluation
    from services.cli.importing.holdout import read_holdout

    held_out = read_holdout(_holdout_path(dataset, holdout))
    result = run(evaluate_served(held_out, scenario, predictions))
    _say(result, as_json, print_evaluation)
    if result["failed_calls"]:
        from services.cli.cli_error import CliError

        raise CliError(f"{result['failed_calls']} calls failed: see trommel doctor")


def _by_protocol(
    run: ProtocolRun, served_users: int | None, port_base: int | None, *, ablation: bool, reported: bool
) -> dict[str, Any] | None:
    """Train and measure; serve too unless served_users is None. None in a process that only helps another train."""
    from services.cli.cli_error import CliError

    try:
        from services.cli.evaluation.offline import evaluate_offline

        if reported:
            import_module("services.cli.evaluation.report_file")
        serving = None
        if served_users is not None:
            from services.cli.evaluation.served_lists import Serving

            serving = Serving(served_users, port_base).prepare

        return evaluate_offline(run, ablation=ablation, serving=serving)
    except ModuleNotFoundError as error:
        if error.name in {"jinja2", "markupsafe", "matplotlib"}:
            needed = "report"
        else:
            needed = "training-worker" if served_users is None else "embedded"
        raise CliError(f"{error.name} is missing: install trommel[{needed}]") from error


def _measured(
    protocol: Protocol,
    run: ProtocolRun,
    descriptions: Path | None,
    share: float,
    cold_share: float,
    source: str | None,
    tuning: TextTuning,
) -> tuple[dict[str, Any], Show]:
    """Return the figures of a protocol other than leave-one-out, and what prints them."""
    from services.cli.cli_error import CliError
    from services.cli.evaluation.cold_items import evaluate_cold_items, print_cold_items
    from services.cli.evaluation.new_users import evaluate_new_users, print_new_users
    from services.cli.evaluation.ratings import evaluate_ratings, print_ratings
    from services.cli.evaluation.transfer import evaluate_transfer, print_transfer

    try:
        if source is not None:
            return evaluate_transfer(run, source=source, descriptions=descriptions, share=share), print_transfer
        if protocol is Protocol.ratings:
            return evaluate_ratings(run, descriptions=descriptions, share=share, cold_share=cold_share), print_ratings
        if protocol is Protocol.new_users:
            return evaluate_new_users(run, share=cold_share), print_new_users
        measured = evaluate_cold_items(run, descriptions=descriptions, share=cold_share, tuning=tuning)
        return measured, print_cold_items
    except ModuleNotFoundError as error:
        raise CliError(f"{error.name} is missing: install trommel[training-worker]") from error


def _protocol_run(dataset: str | None, *given: Any) -> ProtocolRun:
    """Raise CliError without a data set."""
    from services.cli.cli_error import CliError
    from services.cli.evaluation.protocol_run import ProtocolRun
    from services.cli.exit_codes import USAGE

    if dataset is None:
        raise CliError("name the data set: movielens-100k, a file or a directory", USAGE)
    return ProtocolRun(dataset, *given)


def _say_by_protocol(result: dict[str, Any], as_json: str | None, report: Path | None) -> None:
    """Say all figures, then raise CliError where the served lists are not what they should be."""
    from services.cli.cli_error import CliError
    from services.cli.evaluation.report import print_offline

    _say(result, as_json, print_offline)
    if report is not None:
        from services.cli.evaluation.report_file import write_report

        write_report(report, result)
    if "served" in result:
        from services.cli.evaluation.served_report import what_is_wrong

        wrong = what_is_wrong(result["served"])
        if wrong:
            raise CliError(wrong)


def _say(result: dict[str, Any], as_json: str | None, show: Show) -> None:
    from services.cli.console import print_json
    from services.cli.output_file import write_output

    if as_json == "-":
        print_json(result)
        return
    if as_json is not None:
        write_output(Path(as_json), [json.dumps(result, ensure_ascii=False, indent=2) + "\n"])
    show(result)


def _holdout_path(dataset: str | None, holdout: Path | None) -> Path:
    from services.cli.cli_error import CliError
    from services.cli.data_directory import datasets_directory, holdout_file
    from services.cli.exit_codes import USAGE

    if holdout is not None:
        return holdout
    if dataset is not None:
        return Path(dataset) if Path(dataset).is_file() else holdout_file(dataset)
    found = sorted(datasets_directory().glob("*.holdout.jsonl"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name.removesuffix(".holdout.jsonl") for path in found) or "none"
    raise CliError(f"name the data set that was imported with --holdout last (there are: {names})", USAGE)
