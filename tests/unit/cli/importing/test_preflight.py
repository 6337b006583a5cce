from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from services.cli.cli_error import CliError
from services.cli.importing import preflight as module
from services.cli.importing.messages import events_of
from services.cli.importing.preflight import Preflight, check
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord

Events = list[EventRecord | BadRow]
Items = list[ItemRecord | BadRow]


def again(rows: list[object]) -> Iterator[object]:
    yield from rows


def dataset(events: Events, items: Items | None = None) -> Dataset:
    return Dataset("made", partial(again, items or []), partial(again, events))  # type: ignore[arg-type]


def rating(line: int, user: str, item: str, seconds: int) -> EventRecord:
    return EventRecord(line, user, item, "rating", seconds * 1_000_000, 3.0)


def examine(events: Events, items: Items | None = None, *, holdout: bool = False) -> Preflight:
    return check(dataset(events, items), "", holdout=holdout, report=lambda _: None)


def test_what_is_counted() -> None:
    found = examine(
        [rating(1, "u", "i", 5), rating(2, "v", "i", 3), rating(3, "u", "j", 9)],
        [ItemRecord(1, "i"), ItemRecord(2, "k")],
    )
    report = found.to_json()
    assert report["events"] == {"read": 3, "accepted": 3, "rejected": 0, "reasons": []}
    assert (report["users"], report["items_with_events"], report["items_without_description"]) == (2, 2, 1)
    assert (report["first_event"], report["last_event"]) == ("1970-01-01T00:00:03Z", "1970-01-01T00:00:09Z")
    assert found.unlisted == ["j"]


def test_rejections_are_grouped_with_their_first_lines() -> None:
    bad: Events = [BadRow(line, "not UTF-8 text") for line in range(10, 20)]
    report = examine([rating(1, "u", "i", 5), *bad]).to_json()["events"]
    assert report["rejected"] == 10
    assert report["reasons"] == [{"reason": "not UTF-8 text", "count": 10, "first_lines": [10, 11, 12, 13, 14]}]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (rating(7, "u" * 200, "i", 5), "user_id: "),
        (rating(7, "u\x00", "i", 5), "user_id: "),
        (rating(7, "u", "i", 4_102_444_800), "time: "),
        (rating(7, "u", "i", -5), "time: "),
        (rating(7, "u\ud800", "i", 5), "text or a time that cannot be sent"),
        (EventRecord(7, "u", "i", "rating", 5), "a rating needs a value"),
        (EventRecord(7, "u", "i", "view", 5, dwell_seconds=-1.0), "dwell_time: "),
        (EventRecord(7, "u", "i", "view", 10**24), "text or a time that cannot be sent"),
    ],
)
def test_rows_that_break_the_contract_are_rejected_here_by_its_own_rules(event: EventRecord, reason: str) -> None:
    report = examine([rating(1, "u", "i", 5), event]).to_json()["events"]
    assert (report["accepted"], report["rejected"]) == (1, 1)
    assert reason in report["reasons"][0]["reason"]
    assert report["reasons"][0]["first_lines"] == [7]


def test_items_that_break_the_contract_are_rejected() -> None:
    items: Items = [ItemRecord(1, "i"), ItemRecord(2, ""), ItemRecord(3, "j", title="x" * 2000)]
    report = examine([], items).to_json()["items"]
    assert (report["accepted"], report["rejected"]) == (1, 2)


def test_the_last_event_of_each_user_is_held_out_and_the_line_order_decides_ties() -> None:
    events: Events = [rating(1, "u", "early", 1), rating(2, "u", "first", 9), rating(3, "u", "second", 9)]
    events += [rating(4, "v", "only", 2), BadRow(5, "bad"), rating(6, "w", "late", 8), rating(7, "w", "before", 7)]
    found = examine(events, holdout=True)
    assert {user: event.item_id for user, event in found.held_out.items()} == {"u": "second", "v": "only", "w": "late"}
    assert {event.ordinal for event in found.held_out.values()} == {2, 3, 5}


def test_impressions_are_never_the_event_that_is_held_out() -> None:
    events: Events = [rating(1, "u", "met", 1), EventRecord(2, "u", "shown", "impression", 9_000_000)]
    assert examine(events, holdout=True).held_out["u"].item_id == "met"


def test_more_ids_than_are_counted_end_the_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IDS", 500)
    with pytest.raises(CliError, match="more than 500 users or items"):
        examine([rating(n, str(n), "i", 1) for n in range(1000)])


def test_event_ids_are_the_same_in_every_reading_and_differ_between_rows() -> None:
    rows: Events = [rating(1, "u", "i", 5), rating(2, "u", "i", 5), rating(3, "v", "i", 5)]
    first, second = ([event.message.event_id for event in _numbered(rows)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 3


def test_the_files_own_event_id_is_kept() -> None:
    rows: Events = [EventRecord(1, "u", "i", "click", 5, event_id="mine")]
    assert [event.message.event_id for event in _numbered(rows)] == ["mine"]


def test_a_scenario_of_the_row_comes_before_the_one_of_the_import() -> None:
    rows: Events = [EventRecord(1, "u", "i", "click", 5, scenario="own"), EventRecord(2, "u", "i", "click", 5)]
    messages = [event.message for event in events_of(dataset(rows), "given") if not isinstance(event, BadRow)]
    assert [message.scenario for message in messages] == ["own", "given"]


def _numbered(rows: Events) -> list[module.NumberedEvent]:
    return [event for event in events_of(dataset(rows), "") if not isinstance(event, BadRow)]
