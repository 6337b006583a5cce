from __future__ import annotations

import numpy as np
import pytest

from services.core.sources.source import History, Retrieved
from services.training.steps.ablation import ablate
from services.training.steps.evaluate import RankedUser, merge
from services.training.steps.examples import Int32
from services.training.steps.fit_blend import fit_blend
from services.training.steps.source_subsets import first_candidates, with_sources

SOURCES = ("useful", "useless", "sequence")
COUNT = 40


def retrieved(scores: np.ndarray, count: int) -> Retrieved:
    rows = (1 + np.argsort(-scores[1:], kind="stable")[:count]).astype(np.int32)
    return Retrieved(rows, scores[rows])


def planted(count: int = 300, items: int = 90) -> tuple[list[RankedUser], Int32]:
    """Users of whom "useful" knows a lot, "useless" nothing, and the Transformer a little."""
    random = np.random.default_rng(0)
    targets = random.integers(1, items + 1, count).astype(np.int32)
    users = []
    for target in targets:
        scores = {name: np.abs(random.normal(size=items + 1)).astype(np.float32) for name in SOURCES}
        scores["useful"][target] += 3.0
        scores["sequence"][target] += 0.8
        proposals = {name: retrieved(made, 20) for name, made in scores.items()}
        candidates = merge(proposals, items)
        features = np.stack([made[candidates] for made in scores.values()], axis=-1)
        history = History.of(np.array([1], dtype=np.int32))
        users.append(RankedUser(history, history.rows, proposals, candidates, features, features[:, 2]))
    return users, targets


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    users, targets = planted()
    full = fit_blend([first_candidates(user, COUNT) for user in users], targets, SOURCES, seed=0)
    assert full.kind != "off"
    return ablate(users, targets, SOURCES, full, COUNT, seed=0)


def test_a_useless_source_costs_nothing_and_an_essential_one_much(found: dict) -> None:
    useless, useful = (found["without"][name]["difference"] for name in ("useless", "useful"))
    assert abs(useless["ndcg@10"]) <= max(2 * useless["ndcg@10_se"], 0.01)
    assert useful["ndcg@10"] < -0.2
    assert useful["ndcg@10"] < -5 * useful["ndcg@10_se"]
    assert useful["recall@10"] < -0.2


def test_what_it_tells_of(found: dict) -> None:
    assert found["users"] == 300
    assert set(found["without"]) == {*SOURCES, "transformer"}
    assert set(found["alone"]) == set(SOURCES)
    assert found["alone"]["useful"]["ndcg@10"] > 0.6 > found["logit"]["ndcg@10"]
    full = found["full"]["ndcg@10"]
    for figures in (found["logit"], *found["alone"].values(), *found["without"].values()):
        assert figures["difference"]["ndcg@10"] == pytest.approx(figures["ndcg@10"] - full)


def test_a_source_alone_leaves_nothing_to_take_away() -> None:
    users, targets = planted(40)
    alone = [with_sources(user, ["useful"], [0], COUNT) for user in users]
    full = fit_blend(alone, targets, ("useful",), seed=0)
    assert set(ablate(alone, targets, ("useful",), full, COUNT, seed=0)["without"]) == {"transformer"}


def test_others_move_up_into_the_places_of_what_is_gone() -> None:
    def of(*rows: int) -> Retrieved:
        return Retrieved(np.array(rows, dtype=np.int32), np.ones(len(rows), dtype=np.float32))

    proposals = {"one": of(5, 6, 7), "two": of(8, 6, 9), "three": of(4)}
    candidates = merge(proposals, 99)
    assert candidates.tolist() == [5, 8, 4, 6, 7, 9]
    features = np.stack([candidates * 10, candidates * 100, candidates * 1000], axis=-1).astype(np.float32)
    history = History.of(np.array([1], dtype=np.int32))
    user = RankedUser(history, history.rows, proposals, candidates, features, candidates.astype(np.float32))
    assert first_candidates(user, 2).candidates.tolist() == [5, 8]
    part = with_sources(user, ["two", "three"], [1, 2], 3)
    assert part.candidates.tolist() == [8, 4, 6]
    assert part.features.tolist() == [[800, 8000], [400, 4000], [600, 6000]]
    assert part.taste.tolist() == [8, 4, 6]
    assert set(part.proposals) == {"two", "three"}
    assert not with_sources(user, ["two"], [1], 3, with_taste=False).taste.any()


def test_the_full_cascade_is_fitted_on_the_same_users_if_it_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    users, targets = planted(20)
    full = fit_blend([first_candidates(user, COUNT) for user in users], targets + 1000, SOURCES, seed=0)
    asked: list[tuple[list[RankedUser], Int32, list[str]]] = []

    def fit(users: list[RankedUser], targets: Int32, _: object, kept: list[str], *__: object, **___: object) -> object:
        asked.append((users, targets, list(kept)))
        return full

    monkeypatch.setattr("services.training.steps.ablation.fit_subset", fit)
    ablate(users, targets, SOURCES, full, COUNT, seed=0)
    assert list(SOURCES) not in [kept for _, _, kept in asked]
    asked.clear()
    ablate(users, targets, SOURCES, None, COUNT, seed=0)
    assert asked[0][2] == list(SOURCES)
    assert asked[0][0] is users
    assert asked[0][1] is targets
