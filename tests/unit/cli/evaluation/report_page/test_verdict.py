from __future__ import annotations

from typing import Any

import pytest

from services.cli.evaluation.report_page.caveats import caveats
from services.cli.evaluation.report_page.comparison import difference
from services.cli.evaluation.report_page.verdict import judge


def result(ours: float, source: float, popularity: float, error: float = 0.002) -> dict[str, Any]:
    def figures(ndcg: float) -> dict[str, float]:
        return {"recall@10": 2 * ndcg, "recall@10_se": 0.01, "ndcg@10": ndcg, "ndcg@10_se": 0.01}

    def paired(theirs: float) -> dict[str, float]:
        gain = {"recall@10": 2 * (ours - theirs), "ndcg@10": ours - theirs}
        return {**gain, "recall@10_se": error, "ndcg@10_se": error}

    return {
        "users": 5000,
        "test": {
            "popularity": figures(popularity),
            "weaker": figures(0.01),
            "transitions": figures(source),
            "ranker": figures(ours),
        },
        "differences": {
            "of": "ranker",
            "against": {"popularity": paired(popularity), "transitions": paired(source), "weaker": paired(0.01)},
        },
    }


@pytest.mark.parametrize(
    ("ours", "source", "popularity", "level", "words"),
    [
        (0.15, 0.12, 0.04, "better", "better than popularity and than every single source"),
        (0.123, 0.12, 0.04, "unclear", "not clearly better than its source Transitions alone"),
        (0.11, 0.12, 0.04, "worse", "worse than its source Transitions alone"),
        (0.041, 0.03, 0.04, "worse", "No better than showing everybody what is popular"),
    ],
)
def test_the_verdict_follows_the_figures(ours: float, source: float, popularity: float, level: str, words: str) -> None:
    verdict = judge(result(ours, source, popularity))
    assert verdict.level == level
    assert words in verdict.headline


def test_each_comparison_is_a_sentence_with_its_figures() -> None:
    verdict = judge(result(0.15, 0.12, 0.04))
    assert [point.level for point in verdict.points] == ["better", "better"]
    assert "(3.7 times as much)" in verdict.points[1].text
    said = verdict.points[0].text.replace("\N{NO-BREAK SPACE}", " ")
    assert "NDCG@10 0.1500 against 0.1200, a difference of +0.0300 ± 0.0020 (+25 %)" in said
    assert verdict.summary.startswith("Of 100 users, 30.0 find the item they took next among the first ten")
    assert "With one source alone it would be 24.0 with Transitions, 8.0 with Popularity." in verdict.summary


def test_a_slate_without_paired_differences_is_compared_by_both_errors() -> None:
    figures = result(0.15, 0.12, 0.04)
    figures["test"]["slate"] = {"recall@10": 0.31, "recall@10_se": 0.03, "ndcg@10": 0.14, "ndcg@10_se": 0.03}
    gain = difference(figures, "transitions", "ndcg@10")
    assert gain.value == pytest.approx(0.02)
    assert gain.error == pytest.approx((0.03**2 + 0.01**2) ** 0.5)
    assert judge(figures).level == "worse" or "Final slate" in judge(figures).headline


def test_weak_spots_are_named() -> None:
    figures = result(0.15, 0.12, 0.04)
    weak = {"ndcg@10": [0.02, 0.2], "ndcg@10_se": [0.004, 0.01]}
    strong = {"ndcg@10": [0.05, 0.1], "ndcg@10_se": [0.003, 0.01]}
    group = {"names": ["never seen", "1"], "users": [80, 4920], "lists": {"ranker": weak, "transitions": strong}}
    figures["groups"] = {"by_popularity": group}
    figures["data"] = {"unknown_targets": 0.016, "repeated_targets": 0.25}
    said = caveats(figures)
    assert any("“never seen” (80 users), Transitions alone is ahead: NDCG@10 0.0500 against 0.0200" in s for s in said)
    assert any("1.6 % of the items sought were never seen" in sentence for sentence in said)
    assert any("25.0 % of the items sought had been taken by the user before" in sentence for sentence in said)
    assert not any("“1”" in sentence for sentence in said)
    strong["ndcg@10"][1] = 0.9
    assert not any("“1”" in sentence for sentence in caveats(figures)), "popular items are no weak spot"
    group["users"][0] = 49
    assert not any("is ahead" in sentence for sentence in caveats(figures))
