"""Users of whom nothing is known but their context get what people like them take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest_asyncio

from services.core.audience import Audience, Traits
from services.core.query import ItemFilter
from tests.unit.candidates.world import ITEM_COUNT, World, make_query, make_world

LIFTED = 150


def lifts() -> np.ndarray:
    """People who are "kind=odd" take item 150 a million times as often, those of "kind=even" no item more."""
    made = np.zeros((2, ITEM_COUNT + 1), np.float32)
    made[1, LIFTED] = np.log(1e6)
    return made


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    audience = Audience(Traits({"kind=even": 0, "kind=odd": 1}, {}), lifts())
    return await make_world(tmp_path, with_content=True, audience=audience)


async def test_somebody_new_gets_what_their_like_take(world: World) -> None:
    place = world.pipelines.sources.index("audience")
    outcome = await world.pipelines.generate.run(make_query(20, context={"kind": "odd", "device": "tv"}))
    selected = outcome.selected
    found = selected.item_ids.tolist()
    assert str(LIFTED) in found
    assert "audience" in selected.sources_of(found.index(str(LIFTED)))
    scores = selected.columns["source_scores"][:, place]
    assert found[int(scores.argmax())] == str(LIFTED)
    assert (scores > 0).all()
    named = await world.pipelines.hydrate.run(make_query(2, item_ids=("1", str(LIFTED)), context={"kind": "odd"}))
    assert named.selected.columns["source_scores"][1, place] == scores.max()


async def test_a_history_says_more_and_an_unknown_context_nothing(world: World) -> None:
    place = world.pipelines.sources.index("audience")
    for history, context in ((("99",), {"kind": "odd"}), ((), {"kind": "unheard-of"}), ((), {})):
        outcome = await world.pipelines.generate.run(make_query(20, history, context=context))
        assert not outcome.selected.columns["source_scores"][:, place].any()
        assert str(LIFTED) not in outcome.selected.item_ids.tolist()


async def test_what_is_excluded_stays_away(world: World) -> None:
    wanted = ItemFilter(frozenset({str(LIFTED)}))
    outcome = await world.pipelines.generate.run(make_query(20, context={"kind": "odd"}, filter=wanted))
    assert str(LIFTED) not in outcome.selected.item_ids.tolist()


async def test_a_bundle_without_an_audience_has_no_such_column(tmp_path: Path) -> None:
    world = await make_world(tmp_path / "without")
    assert "audience" not in world.pipelines.sources
    outcome = await world.pipelines.generate.run(make_query(20, context={"kind": "odd"}))
    assert len(outcome.selected) == 20
