"""`trommel items`: what is in the catalog."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli import options
from services.cli.connection import DEFAULT_TIMEOUT_SECONDS

app = typer.Typer(help="Look at the catalog.", no_args_is_help=True)
_PAGE = 1000


@app.command("list", epilog=options.examples("trommel items list", "trommel items list --limit 5 --json"))
def list_items(
    limit: Annotated[int, typer.Option(min=1, help="Most items to list.")] = 20,
    scenario: options.Scenario = "",
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """List items in the order of their ids."""
    from trommel.catalog.v1.catalog_pb2 import ListItemsRequest

    from services.cli.connection import run
    from services.cli.stubs import catalog

    async def ask() -> list[Any]:
        found: list[Any] = []
        async with catalog() as service:
            token = ""
            while len(found) < limit:
                size = min(_PAGE, limit - len(found))
                request = ListItemsRequest(scenario=scenario, page_size=size, page_token=token)
                page = await service.ListItems(request, timeout=timeout_seconds)
                found.extend(page.items)
                token = page.next_page_token
                if not token:
                    break
        return found[:limit]

    _show(run(ask()), as_json)


@app.command("get", epilog=options.examples("trommel items get 50 181", "trommel items get 50 --json"))
def get_items(
    item: Annotated[list[str], typer.Argument(help="Ids of the items.")],
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """Show items by id. Fails when one of them does not exist."""
    from trommel.catalog.v1.catalog_pb2 import GetItemsRequest

    from services.cli.cli_error import CliError
    from services.cli.connection import run
    from services.cli.stubs import catalog

    async def ask() -> list[Any]:
        async with catalog() as service:
            return list((await service.GetItems(GetItemsRequest(item_ids=item), timeout=timeout_seconds)).items)

    found = run(ask())
    _show(found, as_json)
    missing = [wanted for wanted in item if wanted not in {row.id for row in found}]
    if missing:
        raise CliError(f"NOT_FOUND: no item {', '.join(missing)[:200]} in the catalog")


def _with_whole_numbers(value: Any) -> Any:
    """Return JSON with 1995 for 1995.0: the wire knows no whole numbers in free attributes."""
    if isinstance(value, dict):
        return {key: _with_whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _show(items: list[Any], as_json: bool) -> None:
    from google.protobuf.json_format import MessageToDict

    from services.cli.console import output, print_json
    from services.cli.tables import table

    if as_json:
        # The content vectors of an item are thousands of numbers that nobody reads here.
        rows = [MessageToDict(row, preserving_proto_field_name=True) for row in items]
        kept = [{key: value for key, value in row.items() if key != "vectors"} for row in rows]
        print_json({"items": [_with_whole_numbers(row) for row in kept]})
        return
    output().print(
        table(
            ["item", "title", "scenario", "categories"],
            [[row.id, row.title, row.scenario, ", ".join(row.categories)] for row in items],
        )
    )
