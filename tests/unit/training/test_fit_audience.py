"""An audience is there where contexts tell what people take, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.training.steps.examples import InteractionLog
from services.training.steps.fit_audience import find_traits, fit_audience

USERS, ITEMS, EACH = 400, 60, 8


def log_of_tastes(told: bool) -> InteractionLog:
    """Users of two ages and two genders; either halves what they take. told: whether their contexts are their own."""
    random = np.random.default_rng(0)
    weights = 1.0 / np.arange(1, ITEMS + 1)
    taken, contexts = [], []
    for user in range(USERS):
        old, female = user % 2, (user // 2) % 2
        liked = weights * np.where(np.arange(ITEMS) % 2 == old, 6.0, 1.0)
        liked = liked * np.where((np.arange(ITEMS) // 2) % 2 == female, 6.0, 1.0)
        taken.append(random.choice(ITEMS, EACH, replace=False, p=liked / liked.sum()) + 1)
        if not told:
            old, female = random.integers(0, 2, 2).tolist()
        age = 20 + 30 * old + int(random.integers(0, 20))
        contexts.append({"age": str(age), "gender": "MF"[female], "session": f"s{user}", "app": "1"})
    log = InteractionLog.from_events(
        np.array(["", *(str(item) for item in range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), EACH).astype(np.int32),
        np.concatenate(taken).astype(np.int32),
        np.tile(np.arange(EACH), USERS).astype(np.int64),
    )
    return replace(log, contexts=contexts)


def test_people_of_a_trait_get_what_they_take_more_often() -> None:
    fitted = fit_audience(log_of_tastes(told=True), seed=0)
    assert fitted is not None
    names = fitted.audience.traits.names
    assert {"gender=F", "gender=M"} <= names.keys()
    assert any(name.startswith("age#") for name in names)
    assert not any(name.startswith(("session", "app")) for name in names), "of one alone, and of all"
    assert fitted.ndcg > fitted.popularity_ndcg
    popularity = np.ones(ITEMS + 1, np.float32)
    scores = fitted.audience.scores(popularity, {"age": "65", "gender": "F"})
    assert scores is not None
    best = np.argsort(-scores)[:8] - 1
    assert np.mean((best % 2 == 1) & ((best // 2) % 2 == 1)) > 0.6, "a quarter of all items"


def test_contexts_that_tell_nothing_make_no_audience() -> None:
    assert fit_audience(log_of_tastes(told=False), seed=0) is None
    log = log_of_tastes(told=True)
    assert fit_audience(replace(log, contexts=None), seed=0) is None
    few = [context if user < 50 else {} for user, context in enumerate(log.contexts or ())]
    assert fit_audience(replace(log, contexts=few), seed=0) is None, "fifty users are too few"


def test_equal_logs_give_equal_audiences() -> None:
    first, second = (fit_audience(log_of_tastes(told=True), seed=3) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.facts() == second.facts()
    np.testing.assert_array_equal(first.audience.lifts, second.audience.lifts)


def test_the_most_frequent_traits_stay_where_there_are_too_many() -> None:
    contexts = [{"tag": f"t{number % 300}"} for number in range(30_000)]
    traits = find_traits(contexts, item_count=1_000)
    assert len(traits.names) == 256
    large = find_traits(contexts, item_count=2_000_000)
    assert len(large.names) == 4
