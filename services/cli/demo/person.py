"""One user: what they did, what they are shown, and what three clicks change."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from trommel.catalog.v1.catalog_pb2 import GetItemsRequest
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1.ranking_pb2 import RecommendRequest, SlateFilter

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.console import output
from services.cli.slates import print_slate
from services.cli.tables import table
from services.cli.times import iso_time

_COUNT = 10
_CALL_SECONDS = 10.0
_SHOWN_EVENTS = 8
_CLICKS = 3
_WIDE = 100


@dataclass(frozen=True, slots=True)
class Clicked:
    """What was clicked and how many of the ten places changed."""

    genre: str
    titles: list[str]
    changed_places: int


async def show_history(user: str) -> None:
    """Print the user's latest events with the films' titles."""
    async with stubs.feedback() as feedback:
        history = await feedback.GetHistory(
            feedback_pb2.GetHistoryRequest(user_id=user, limit=_SHOWN_EVENTS), timeout=_CALL_SECONDS
        )
    films = await _films([event.item_id for event in history.events])
    rows = [
        [
            iso_time(event.time.ToMicroseconds()),
            films[event.item_id].title,
            ", ".join(films[event.item_id].categories),
            f"{event.value:.0f}",
        ]
        for event in history.events
    ]
    output().print(f"User {user} has met {len(history.seen_item_ids)} films; the latest:")
    output().print(table(["when", "film", "genres", "stars"], rows))


async def show_slate(user: str) -> Any:
    """Print the user's slate and return it."""
    slate = await _slate(user, _COUNT)
    output().print(f"\nRecommended to user {user}:")
    print_slate(slate)
    if len(slate.items) < _COUNT or slate.degraded_reasons:
        raise CliError(
            f"the slate of user {user} is not a full one: {', '.join(slate.degraded_reasons) or 'too short'}"
        )
    return slate


async def click_and_show(user: str, before: Any, held_out_item: str) -> Clicked:
    """Click three films of a genre that the slate has little of, and print the slate that follows at once.

    Args:
        user: The user.
        before: The slate before the clicks.
        held_out_item: The user's held-out item, which is never clicked.
    """
    genre, films = await _little_shown(user, before, held_out_item)
    titles = [film.title for film in films]
    request = feedback_pb2.RecordEventsRequest()
    for film in films:
        request.events.add(
            event_id=uuid.uuid4().hex,
            user_id=user,
            item_id=film.item_id,
            type=feedback_pb2.EVENT_TYPE_CLICK,
            request_id=before.request_id,
        )
    output().print(f"User {user} clicks three films of the genre {genre}: {'; '.join(titles)}", soft_wrap=True)
    async with stubs.feedback() as feedback:
        await feedback.RecordEvents(request, timeout=_CALL_SECONDS)
    after = await _slate(user, _COUNT)
    old = [item.item_id for item in before.items]
    new = [item.item_id for item in after.items]
    output().print("\nThe next slate, with no training in between (+ marks what was not there before):")
    print_slate(after, marked=set(new) - set(old))
    changed = sum(one != other for one, other in zip(old, new, strict=False))
    share = await _share(new, genre), await _share(old, genre)
    output().print(f"{changed} of {_COUNT} places changed; {genre}: {share[1]} films before, {share[0]} after")
    if not changed:
        raise CliError("three clicks changed nothing: the history does not reach the ranker (trommel doctor)")
    return Clicked(genre, titles, changed)


async def _little_shown(user: str, slate: Any, held_out_item: str) -> tuple[str, list[Any]]:
    """Return the genre that is rarest in the slate, and the three films of it that suit the user best."""
    wide = await _slate(user, _WIDE)
    films = await _films([item.item_id for item in wide.items])
    top = {item.item_id for item in slate.items}
    found: dict[str, int] = {}
    shown: dict[str, int] = {}
    for item_id, film in films.items():
        for genre in film.categories:
            found[genre] = found.get(genre, 0) + 1
            shown[genre] = shown.get(genre, 0) + (item_id in top)
    # Enough of it further down for three clicks, and for the slate to answer them.
    genres = [genre for genre, count in found.items() if count >= 2 * _CLICKS] or list(found)
    genre = min(genres, key=lambda name: (shown[name], -found[name], name))
    choice = await _slate(user, _CLICKS, genre=genre, excluded=[held_out_item])
    if len(choice.items) < _CLICKS:
        raise CliError(f"fewer than three films of the genre {genre} for user {user}")
    return genre, list(choice.items)


async def _share(item_ids: Collection[str], genre: str) -> int:
    return sum(genre in film.categories for film in (await _films(list(item_ids))).values())


async def _slate(user: str, count: int, genre: str = "", excluded: Collection[str] = ()) -> Any:
    chosen = SlateFilter(any_of_categories=[genre] if genre else [], excluded_item_ids=excluded)
    async with stubs.ranking() as ranking:
        request = RecommendRequest(user_id=user, count=count, filter=chosen)
        return (await ranking.Recommend(request, timeout=_CALL_SECONDS)).slate


async def _films(item_ids: list[str]) -> dict[str, Any]:
    async with stubs.catalog() as catalog:
        answer = await catalog.GetItems(GetItemsRequest(item_ids=item_ids), timeout=_CALL_SECONDS)
    return {item.id: item for item in answer.items}
