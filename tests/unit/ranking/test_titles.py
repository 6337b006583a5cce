from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from services.core.errors import UnavailableError
from services.ranking.title_fetcher import fetching
from services.ranking.titles import Titles


def test_what_was_learned_is_known_and_the_rest_is_wanted() -> None:
    titles = Titles()
    titles.learn(["1", "2"], ["Toy Story", "GoldenEye"])
    assert titles.get("1") == "Toy Story"
    assert titles.get("3") == ""
    assert titles.take_wanted(10) == ["3"]
    assert titles.take_wanted(10) == []
    assert titles.of(np.array(["2", "3"], np.object_)).tolist() == ["GoldenEye", ""]


def test_it_is_bounded() -> None:
    titles = Titles(capacity=10, wanted_capacity=3)
    for number in range(100):
        titles.learn([str(number)], ["t"])
    known = sum(titles.get(str(number)) == "t" for number in range(100))
    assert 1 <= known <= 11
    assert len(titles.take_wanted(100)) == 3


async def test_wanted_titles_are_fetched_in_the_background() -> None:
    titles = Titles()
    asked: list[Sequence[str]] = []

    class Catalog:
        async def titles_of(self, item_ids: Sequence[str], timeout_seconds: float) -> dict[str, str]:
            asked.append(item_ids)
            return {"1": "Toy Story"}

    titles.want(["1", "gone"])
    async with fetching(titles, Catalog()):
        await asyncio.sleep(0.5)
    assert titles.get("1") == "Toy Story"
    assert titles.get("gone") == ""
    assert titles.take_wanted(10) == [], "an item without a title is not asked for again"
    assert asked == [["1", "gone"]]


async def test_a_catalog_that_is_away_is_asked_again_later() -> None:
    titles = Titles()

    class Catalog:
        async def titles_of(self, item_ids: Sequence[str], timeout_seconds: float) -> dict[str, str]:
            raise UnavailableError("away")

    titles.want(["1"])
    async with fetching(titles, Catalog()):
        await asyncio.sleep(0.4)
    assert titles.take_wanted(10) == ["1"]
