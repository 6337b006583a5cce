from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import RunningStack

Call = Callable[..., Any]


def test_recommend_prints_the_promised_json(trommel: Call) -> None:
    answer = trommel("recommend", "--user", "user-1", "-k", "10", "--json").json
    assert len(answer["items"]) == 10
    for item in answer["items"]:
        assert set(item) == {"item_id", "title", "score", "sources", "reason"}
        assert item["title"]
        assert item["reason"]
        assert item["sources"]
    assert len(answer["bundle_version"]) == 14
    assert answer["degraded_reasons"] == []


def test_recommend_prints_a_table_for_people(trommel: Call) -> None:
    outcome = trommel("recommend", "--user", "user-1", "-k", "3")
    assert outcome.code == 0
    assert "title" in outcome.output.splitlines()[0]
    assert "bundle " in outcome.notes


def test_somebody_unknown_gets_popular_films(trommel: Call) -> None:
    outcome = trommel("recommend", "--user", "never seen before", "--json")
    assert outcome.code == 0
    assert len(outcome.json["items"]) == 10


@pytest.mark.parametrize("count", ["0", "-1", "100000", "99999999999999"])
def test_a_count_out_of_range_is_one_clear_line(trommel: Call, count: str) -> None:
    outcome = trommel("recommend", "--user", "1", "-k", count, "--json")
    assert outcome.code == 1
    assert outcome.output == ""
    assert "INVALID_ARGUMENT" in outcome.error_line
    assert "count" in outcome.error_line


def test_an_empty_user_and_one_of_ten_megabytes_are_refused_by_the_server(trommel: Call) -> None:
    assert "INVALID_ARGUMENT: user_id" in trommel("recommend", "--user", "").error_line
    huge = trommel("recommend", "--user", "-", stdin="u" * 10_000_000)
    assert huge.code == 1
    assert "INVALID_ARGUMENT: user_id" in huge.error_line
    assert len(huge.error_line) < 500


def test_filters_reach_the_server(trommel: Call, stack: RunningStack) -> None:
    horror = set(stack.films.of_genre("Horror"))
    first = trommel("recommend", "--user", "user-2", "--category", "Horror", "--json").json["items"]
    assert {item["item_id"] for item in first} <= horror
    gone = first[0]["item_id"]
    second = trommel("recommend", "--user", "user-2", "--category", "Horror", "--exclude", gone, "--json").json["items"]
    assert gone not in {item["item_id"] for item in second}


def test_three_likes_of_a_genre_change_the_slate(trommel: Call, stack: RunningStack) -> None:
    before = [item["item_id"] for item in trommel("recommend", "--user", "fresh-cli", "--json").json["items"]]
    western = stack.films.of_genre("Western")[:3]
    likes = [part for item in western for part in ("--item", item)]
    outcome = trommel("events", "add", "--user", "fresh-cli", *likes, "--type", "like", "--json")
    assert [result["status"] for result in outcome.json["results"]] == ["recorded"] * 3
    after = [item["item_id"] for item in trommel("recommend", "--user", "fresh-cli", "--json").json["items"]]
    assert after != before
    assert not set(western) & set(after)
    history = trommel("events", "history", "--user", "fresh-cli", "--json").json
    assert [event["item_id"] for event in history["events"]] == western[::-1]


def test_an_event_id_counts_once(trommel: Call) -> None:
    arguments = ("events", "add", "--user", "once", "--item", "war-01", "--event-id", "cli-once", "--json")
    statuses = [trommel(*arguments).json["results"][0]["status"] for _ in range(2)]
    assert statuses == ["recorded", "duplicate"]


def test_a_rejected_event_is_a_failure(trommel: Call) -> None:
    outcome = trommel("events", "add", "--user", "u", "--item", "war-01", "--type", "rating", "--json")
    assert outcome.code == 1
    assert outcome.json["results"][0]["status"] == "rejected"
    assert "a rating needs a value" in outcome.error_line


def test_similar_items(trommel: Call, stack: RunningStack) -> None:
    rows = trommel("similar", "comedy-10", "-k", "5", "--json").json["items"]
    assert len(rows) == 5
    near = set(stack.films.of_genre("Comedy"))
    assert sum(row["item_id"] in near for row in rows) >= 3


def test_items(trommel: Call) -> None:
    assert len(trommel("items", "list", "--limit", "1200", "--json").json["items"]) >= 420
    assert trommel("items", "get", "comedy-10", "--json").json["items"][0]["categories"] == ["Comedy"]
    missing = trommel("items", "get", "comedy-10", "nowhere")
    assert missing.code == 1
    assert "NOT_FOUND" in missing.error_line


def test_picks_make_somebody_new_known(trommel: Call, stack: RunningStack) -> None:
    picks = stack.films.of_genre("Horror")[:3]
    new = ["recommend", "--user", "just arrived", "--json"]
    slate = trommel(*new, *(word for item in picks for word in ("--pick", item))).json
    ids = [item["item_id"] for item in slate["items"]]
    assert not set(ids) & set(picks)
    assert slate["degraded_reasons"] == []
    popular = [item["item_id"] for item in trommel(*new).json["items"]]

    def horrors(items: list[str]) -> int:
        return len(set(items) & set(stack.films.of_genre("Horror")))

    assert horrors(ids) > horrors(popular)
