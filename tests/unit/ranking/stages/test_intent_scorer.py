"""The intent and the liking are weighed against each other."""

from __future__ import annotations

import numpy as np

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.ranking.stages.intent_scorer import IntentScorer

ASKED = Query("default", "", "u", "default", 3, 0.0, intent="a heist")


def candidates(score: list[float], answer: list[float] | None) -> CandidateSet:
    count = len(score)
    columns = np.stack([np.zeros(count), answer or np.zeros(count)], axis=1).astype(np.float32)
    names = ("sequence", "intent") if answer is not None else ("sequence", "other")
    ids = np.array([str(place) for place in range(count)], np.object_)
    made = CandidateSet(ids, ("sequence",), np.zeros(count, np.uint32), {"score": np.array(score)})
    return CandidateSet(
        made.item_ids,
        made.sources,
        made.source_masks,
        {**made.columns, "source_scores": columns},
        {"source_scores": names},
    )


async def test_what_was_asked_for_wins_over_what_everybody_likes() -> None:
    found = candidates([100.0, 1.0, 2.0, 1.5], [0.0, 3.0, 3.0, 0.2])
    scores = (await IntentScorer().score(ASKED, found))["score"]
    assert np.argsort(-np.asarray(scores)).tolist() == [2, 1, 0, 3]
    assert np.ptp(np.asarray(scores) - 2.0 * np.array([0.0, 3.0, 3.0, 0.2])) <= 3.0 + 1e-6


async def test_without_an_answer_the_order_stays() -> None:
    for found in (candidates([1.0, 3.0, 2.0], None), candidates([1.0, 3.0, 2.0], [0.0, 0.0, 0.0])):
        assert (await IntentScorer().score(ASKED, found))["score"].tolist() == [1.0, 3.0, 2.0]
    assert not IntentScorer().enabled(Query("default", "", "u", "default", 3, 0.0))
    assert IntentScorer().enabled(ASKED)
