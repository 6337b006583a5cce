"""`trommel similar`: the items most like one item."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli import options
from services.cli.connection import DEFAULT_TIMEOUT_SECONDS


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("similar", epilog=options.examples("trommel similar 50", "trommel similar 50 -k 5 --json"))(similar)


def similar(
    item: Annotated[str, typer.Argument(help="Item to start from.")],
    count: Annotated[int, typer.Option("-k", "--count", help="Items wanted.")] = 10,
    scenario: options.Scenario = "",
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """List the items most like ITEM, by the behaviour of users."""
    from trommel.candidates.v1.candidates_pb2 import SimilarItemsRequest

    from services.cli.connection import run
    from services.cli.console import output, print_json
    from services.cli.stubs import candidates

    async def ask() -> Any:
        async with candidates() as service:
            request = SimilarItemsRequest(item_id=item, scenario=scenario, count=options.int32(count))
            return await service.SimilarItems(request, timeout=timeout_seconds)

    answer = run(ask())
    if as_json:
        rows = [{"item_id": row.item_id, "title": row.title, "score": row.score} for row in answer.items]
        print_json({"items": rows, "bundle_version": answer.bundle_version})
        return
    from services.cli.tables import table

    output().print(
        table(["item", "title", "score"], [[row.item_id, row.title, f"{row.score:.3f}"] for row in answer.items])
    )
