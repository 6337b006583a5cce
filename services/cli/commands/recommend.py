"""`trommel recommend`: a slate for a user."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli import options
from services.cli.connection import DEFAULT_TIMEOUT_SECONDS


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "recommend",
        epilog=options.examples(
            "trommel recommend --user 1 -k 10",
            "trommel recommend --user somebody-new --pick 50 --pick 181",
            "trommel recommend --user somebody-new --context age=34 --context gender=F",
            "trommel recommend --user 1 --category Comedy --exclude 50 --json",
            'trommel recommend --user 1 --intent "something light about a heist, not violent"',
        ),
    )(recommend)


def recommend(
    user: options.User,
    count: Annotated[int, typer.Option("-k", "--count", help="Items wanted.")] = 10,
    scenario: options.Scenario = "",
    exclude: Annotated[list[str] | None, typer.Option(help="Item never to return; may be repeated.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Keep to this category; may be repeated.")] = None,
    intent: Annotated[str, typer.Option(help='What is wanted, in words: "a light heist, not violent".')] = "",
    pick: Annotated[
        list[str] | None,
        typer.Option(help="Item that the user likes, for somebody of whom little is known; may be repeated."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What is known of the user or the moment: age=34; may be repeated."),
    ] = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also items the user has met.")] = False,
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """Recommend items to a user, best first, with the reasons."""
    from trommel.ranking.v1.ranking_pb2 import RecommendRequest, SlateFilter

    from services.cli.connection import run
    from services.cli.console import print_json
    from services.cli.slates import print_slate, slate_json
    from services.cli.stubs import ranking

    async def ask() -> Any:
        async with ranking() as service:
            request = RecommendRequest(
                user_id=options.user_id(user),
                scenario=scenario,
                count=options.int32(count),
                intent=intent,
                onboarding_item_ids=pick or (),
                context=options.pairs(context or (), "--context"),
                filter=SlateFilter(
                    excluded_item_ids=exclude or (), any_of_categories=category or (), include_seen=include_seen
                ),
            )
            return await service.Recommend(request, timeout=timeout_seconds)

    slate = run(ask()).slate
    if as_json:
        print_json(slate_json(slate))
    else:
        print_slate(slate)
