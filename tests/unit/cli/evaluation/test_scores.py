from __future__ import annotations

import math

import pytest

from services.cli.evaluation.leave_one_out import Histories
from services.cli.evaluation.scores import score
from services.cli.importing.holdout import HeldOutEvent

ITEMS = [str(n) for n in range(200)]


def test_figures_by_hand() -> None:
    lists = {"first": ["7", "8"], "third": ["1", "2", "3"], "far": ITEMS[:100], "away": ["5"]}
    held_out = [
        HeldOutEvent("first", "7", ""),
        HeldOutEvent("third", "3", ""),
        HeldOutEvent("far", "49", ""),
        HeldOutEvent("away", "6", ""),
        HeldOutEvent("no list", "6", ""),
    ]
    figures = score(lists, held_out, ITEMS)
    assert figures["recall@10"] == pytest.approx(2 / 5)
    assert figures["ndcg@10"] == pytest.approx((1 + 1 / math.log2(4)) / 5)
    assert figures["recall@100"] == pytest.approx(3 / 5)
    assert figures["mrr@100"] == pytest.approx((1 + 1 / 3 + 1 / 50) / 5)
    assert figures["coverage@10"] == pytest.approx(10 / 200)
    assert figures["recall@10_se"] == pytest.approx(math.sqrt(0.4 * 0.6 / 5))


def test_an_item_outside_the_data_set_keeps_its_place() -> None:
    figures = score({"u": ["new", "1"]}, [HeldOutEvent("u", "1", "")], ITEMS)
    assert figures["ndcg@10"] == pytest.approx(1 / math.log2(3))


def test_popularity_leaves_out_what_the_user_has_met() -> None:
    histories = Histories()
    for user, seen in {"u": {"a", "b"}, "v": {"a"}, "w": {"a", "c", "b"}}.items():
        histories.seen[user] = frozenset(seen)
        histories.user_counts.update(seen)
    assert histories.popular("v", 10) == ["b", "c"]
    assert histories.popular("w", 10) == []
    assert histories.popular("stranger", 2) == ["a", "b"]


def test_a_held_out_event_in_the_history_is_a_leak() -> None:
    histories = Histories(seen={"u": frozenset({"a"})})
    told, untold = HeldOutEvent("u", "a", ""), HeldOutEvent("u", "b", "")
    assert histories.leaks([told, untold, HeldOutEvent("stranger", "a", "")]) == [told]
