from __future__ import annotations

import math

import pytest

from services.training.steps.gate import reason_to_refuse

GOOD = {"ranker/ndcg@10": 0.1, "popularity/ndcg@10": 0.05, "ranker/recall@10": 0.2}


def test_better_than_popularity_may_go_live():
    assert reason_to_refuse(GOOD) == ""


@pytest.mark.parametrize("ndcg", [0.05, 0.01])
def test_not_better_than_popularity_may_not(ndcg):
    reason = reason_to_refuse({**GOOD, "ranker/ndcg@10": ndcg})
    assert reason == f"its NDCG@10 on held-out events, {ndcg:.4f}, does not beat popularity's 0.0500"


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", sorted(GOOD))
def test_numbers_that_are_none_are_named(name, broken):
    assert reason_to_refuse({**GOOD, name: broken}) == f"its {name} is not a finite number"


@pytest.mark.parametrize("name", ["ranker/ndcg@10", "popularity/ndcg@10"])
def test_what_was_not_measured_is_named(name):
    metrics = {key: value for key, value in GOOD.items() if key != name}
    assert reason_to_refuse(metrics) == f"its {name} was not measured"
