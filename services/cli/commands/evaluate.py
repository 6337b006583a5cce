"""`trommel evaluate`: how good the served slates are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli import options


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "evaluate",
        epilog=options.examples(
            "trommel evaluate --served movielens-100k",
            "trommel evaluate --served --holdout beauty.holdout.jsonl --predictions beauty.tsv --json",
        ),
    )(evaluate)


def evaluate(
    dataset: Annotated[str | None, typer.Argument(help="Name of an imported data set, or its holdout file.")] = None,
    served: Annotated[bool, typer.Option("--served", help="Over the running stack (the only way there is).")] = True,
    holdout: Annotated[Path | None, typer.Option("--holdout", help="The holdout file.")] = None,
    scenario: options.Scenario = "",
    predictions: Annotated[Path | None, typer.Option(help="Write the served lists here: user<TAB>item item …")] = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Leave-one-out: ask for every held-out user's slate and look for the item they met next, beside popularity."""
    from services.cli.connection import run
    from services.cli.console import print_json
    from services.cli.evaluation.evaluation import evaluate_served
    from services.cli.evaluation.report import print_evaluation
    from services.cli.importing.holdout import read_holdout

    del served, data_dir  # the first is the only way there is; the second's callback has chosen the directory
    held_out = read_holdout(_holdout_path(dataset, holdout))
    result = run(evaluate_served(held_out, scenario, predictions))
    if as_json:
        print_json(result)
    else:
        print_evaluation(result)
    if result["failed_calls"]:
        from services.cli.cli_error import CliError

        raise CliError(f"{result['failed_calls']} calls failed: see trommel doctor")


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
