"""Films invented on the spot, upserted on a running stack that knows MovieLens: who is offered them, and how soon.

    python benchmarks/invented_films.py --users 1-943

Fans are the users with the largest share of the genre among their newest 50 films, others those with the smallest.
Each film is deleted again. Exits 1 where one is not in a fan's slate within five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trommel.catalog.v1 import catalog_pb2
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.connection import run

_SECONDS = 5.0
_NEWEST = 50
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Film:
    """genre: by which fans are told. categories: the film's."""

    genre: str
    title: str
    plot: str
    categories: tuple[str, ...]


FILMS = (
    Film(
        "Horror",
        "The Cellar Below (1997)",
        "A family moves into an old house where something under the floor wakes at night and takes them one by one.",
        ("Horror", "Thriller"),
    ),
    Film(
        "Sci-Fi",
        "Beyond the Ninth Moon (1997)",
        "The crew of a starship finds an abandoned alien station whose machines still obey a war a thousand years old.",
        ("Sci-Fi", "Action"),
    ),
    Film(
        "Children's",
        "Pip and the Paper Dragon (1997)",
        "A shy boy folds a dragon out of paper that comes to life and helps him bring the lost toys of the town home.",
        ("Children's", "Animation"),
    ),
    Film(
        "Romance",
        "Letters to Verona (1997)",
        "Two strangers answer the same love letter by mistake and fall for each other over one summer in Italy.",
        ("Romance", "Drama"),
    ),
    Film(
        "War",
        "The Last Bridge (1997)",
        "In the winter of 1944 a tired platoon has to hold a bridge against tanks until morning.",
        ("War", "Drama"),
    ),
)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default="1-943", help="first-last of the numbers that users are called by")
    parser.add_argument("--group", type=int, default=40, help="fans, and as many others")
    parser.add_argument("--scenario", default="")
    given = parser.parse_args()
    first, last = (int(number) for number in given.users.split("-"))
    try:
        return run(_measure([str(user) for user in range(first, last + 1)], given.group, given.scenario))
    except CliError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1


async def _measure(users: Sequence[str], group: int, scenario: str) -> int:
    async with stubs.catalog() as catalog, stubs.feedback() as feedback, stubs.ranking() as ranking:
        histories = dict(zip(users, await _together([_history(feedback, user) for user in users]), strict=True))
        categories = await _categories(catalog, {item for taken in histories.values() for item in taken})
        late = 0
        print(f"{'film':<12}{'first seen after':>18}{'fans':>12}{'others':>12}")
        for film in FILMS:
            shares = {
                user: sum(film.genre in categories.get(item, ()) for item in taken) / len(taken)
                for user, taken in histories.items()
                if taken
            }
            order = sorted(shares, key=lambda user: -shares[user])
            seconds, fans, others = await _reach(catalog, ranking, film, order[:group], order[-group:], scenario)
            late += seconds is None
            seen = "not at all" if seconds is None else f"{seconds:.2f} s"
            print(f"{film.genre:<12}{seen:>18}{f'{fans} of {group}':>12}{f'{others} of {group}':>12}", flush=True)
    return 1 if late else 0


async def _reach(
    catalog: Any, ranking: Any, film: Film, fans: Sequence[str], others: Sequence[str], scenario: str
) -> tuple[float | None, int, int]:
    """Seconds until the first fan sees it, None for never; then how many fans and others have it in ten places."""
    item_id = f"invented-{uuid.uuid4()}"

    async def has(user: str) -> bool:
        request = ranking_pb2.RecommendRequest(user_id=user, count=10, scenario=scenario)
        return any(item.item_id == item_id for item in (await ranking.Recommend(request)).slate.items)

    item = catalog_pb2.Item(
        id=item_id, title=film.title, text=film.plot, categories=film.categories, scenario=scenario or "default"
    )
    started = time.monotonic()
    await catalog.UpsertItems(_one(catalog_pb2.UpsertItemsRequest(items=[item])))
    try:
        seen = None
        while seen is None and time.monotonic() - started < _SECONDS:
            if any(await _together([has(user) for user in fans])):
                seen = time.monotonic() - started
        await asyncio.sleep(max(0.0, started + _SECONDS - time.monotonic()))
        return seen, sum(await _together([has(user) for user in fans])), sum(await _together(map(has, others)))
    finally:
        await catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=[item_id]))


async def _history(feedback: Any, user: str) -> list[str]:
    """The newest films of the user."""
    answer = await feedback.GetHistory(feedback_pb2.GetHistoryRequest(user_id=user))
    newest = sorted(answer.events, key=lambda event: -event.time.ToMicroseconds())
    return [event.item_id for event in newest[:_NEWEST]]


async def _categories(catalog: Any, item_ids: set[str]) -> dict[str, tuple[str, ...]]:
    wanted = sorted(item_ids)
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(wanted), 200):
        answer = await catalog.GetItems(catalog_pb2.GetItemsRequest(item_ids=wanted[start : start + 200]))
        found |= {item.id: tuple(item.categories) for item in answer.items}
    return found


async def _together(calls: Any) -> list[Any]:
    """All answers, a few calls at a time."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Any) -> Any:
        async with room:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


async def _one(request: Any) -> Any:
    yield request


if __name__ == "__main__":
    sys.exit(main())
