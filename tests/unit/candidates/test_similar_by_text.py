"""Items are alike by what they say, too: the only way for those that nobody has taken yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from services.core.query import ItemFilter
from tests.unit.candidates.test_intent import WORDS, put_encoder
from tests.unit.candidates.world import World, make_query, make_world


def saying(word: str, also: str = "", share: float = 0.3) -> np.ndarray:
    vector = np.zeros(len(WORDS), np.float32)
    vector[WORDS.index(word)] = 1.0
    if also:
        vector[WORDS.index(also)] = share
    return vector / np.linalg.norm(vector)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    world = await make_world(tmp_path)
    put_encoder(tmp_path / "text_encoder")
    world.said.vectors = {"7": saying("war"), "150": saying("war", "love"), "20": saying("love"), "new": saying("war")}
    return world


async def similar_to(world: World, item_id: str, count: int = 10) -> dict[str, float]:
    query = make_query(count, item_ids=(item_id,), filter=ItemFilter(frozenset({item_id})))
    outcome = await world.pipelines.similar.run(query)
    if not len(outcome.selected):
        return {}
    return dict(zip(outcome.selected.item_ids.tolist(), outcome.selected.columns["score"].tolist(), strict=True))


async def test_a_new_item_is_like_those_that_say_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoEncoding:
        async def encode(self, texts: list[str], timeout_seconds: float) -> np.ndarray:
            return np.zeros((len(texts), len(WORDS)), np.float32)

    await world.change("new")
    loaded = world.texts._folder.current()
    assert loaded is not None
    monkeypatch.setattr(type(loaded), "encode", NoEncoding.encode)
    await world.texts.take_in(world.replica.snapshot)
    found = await similar_to(world, "new")
    assert list(found)[:2] == ["7", "150"]
    assert found["7"] == pytest.approx(1.0)
    assert found["150"] == pytest.approx(1 / np.sqrt(1.09), abs=1e-5)
    assert set(found) <= {"7", "150", "20"}

    # Of an item that people know, behaviour comes first, and the text tells the rest apart.
    known = await similar_to(world, "7", 30)
    assert set(list(known)[:2]) == {"6", "8"}
    assert {"new", "150"} <= known.keys()
    assert known["new"] == pytest.approx(0.2, abs=1e-3)


async def test_without_texts_behaviour_alone_counts(world: World) -> None:
    found = await similar_to(world, "7")
    assert set(list(found)[:2]) == {"6", "8"}
    await world.change("silent")
    assert await similar_to(world, "silent") == {}
