from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.readers.dataset_error import WrongFormatError
from services.cli.readers.json_lines import open_dataset
from services.cli.readers.records import BadRow, EventRecord, ItemRecord, ReadOptions


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def test_objects_with_a_user_are_events_others_items(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        {"id": "i", "title": "T", "categories": ["x", "x", "y"], "price": 3, "available_from": "2024-01-01T00:00:00Z"},
        {"user_id": "u", "item_id": "i", "time": "2024-05-01T12:00:00+02:00", "type": "view", "dwell_seconds": 2.5},
        {"user_id": 7, "item_id": 8.0, "timestamp": 1_700_000_000_000, "rating": 4, "event_id": "e"},
    )
    dataset = open_dataset(path, ReadOptions())
    assert dataset.name == "a"
    assert list(dataset.items()) == [
        ItemRecord(
            1,
            "i",
            "T",
            categories=("x", "y"),
            attributes={"price": 3},
            available_from_microseconds=1_704_067_200_000_000,
        )
    ]
    assert list(dataset.events()) == [
        EventRecord(2, "u", "i", "view", 1_714_557_600_000_000, dwell_seconds=2.5),
        EventRecord(3, "7", "8", "rating", 1_700_000_000_000_000, 4.0, event_id="e"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{broken", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ({"user_id": "u", "item_id": "i"}, "time is missing"),
        ({"user_id": "u", "item_id": None, "time": 1}, "item_id is missing"),
        ({"user_id": "", "item_id": "i", "time": 1}, "user_id is missing"),
        ({"user_id": ["u"], "item_id": "i", "time": 1}, "user_id is not an id"),
        ({"user_id": "u", "item_id": "i", "time": True}, "time is not a time"),
        ({"user_id": "u", "item_id": "i", "time": 1, "type": "sneeze"}, "type is not a type of event"),
        ('{"user_id": "u", "item_id": "i", "time": 1, "rating": NaN}', "value is not a finite number"),
        ('{"user_id": "u", "item_id": "i", "time": Infinity}', "time is not a time"),
    ],
)
def test_a_bad_row_loses_that_row(tmp_path: Path, row: Any, reason: str) -> None:
    good = {"user_id": "u", "item_id": "i", "time": 1}
    rows = list(open_dataset(write(tmp_path / "a.jsonl", good, row, good), ReadOptions()).events())
    assert rows[1] == BadRow(2, reason)
    assert isinstance(rows[0], EventRecord)
    assert isinstance(rows[2], EventRecord)


def test_deeply_nested_json_loses_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "i"}, "[" * 100_000)
    assert list(open_dataset(path, ReadOptions()).events()) == [BadRow(2, "not a JSON object")]


def test_a_directory_is_all_its_files(tmp_path: Path) -> None:
    write(tmp_path / "events.jsonl", {"user_id": "u", "item_id": "i", "time": 1})
    write(tmp_path / "items.jsonl", {"item_id": "i"})
    dataset = open_dataset(tmp_path, ReadOptions())
    assert len(list(dataset.events())) == 1
    assert list(dataset.items()) == [ItemRecord(1, "i")]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"who": "u", "what": "i", "when": 5})
    columns = {"user": "who", "item": "what", "time": "when"}
    assert list(open_dataset(path, ReadOptions(columns=columns)).events()) == [
        EventRecord(1, "u", "i", "click", 5_000_000)
    ]


def test_other_text_is_another_format(tmp_path: Path) -> None:
    with pytest.raises(WrongFormatError, match="no JSON lines"):
        open_dataset(write(tmp_path / "a.jsonl", "1\t2\t3"), ReadOptions())
