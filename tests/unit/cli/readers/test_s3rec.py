from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.records import BadRow, EventRecord, ItemRecord, ReadOptions
from services.cli.readers.s3rec import looks_like, open_dataset


def test_a_line_is_a_user_in_time_order(tmp_path: Path) -> None:
    (tmp_path / "sequences.txt").write_text("1 10 11\n2 12\n")
    rows = [
        row for row in open_dataset(tmp_path, ReadOptions(kind="purchase")).events() if isinstance(row, EventRecord)
    ]
    assert [(row.line, row.user_id, row.item_id, row.kind) for row in rows] == [
        (1, "1", "10", "purchase"),
        (1, "1", "11", "purchase"),
        (2, "2", "12", "purchase"),
    ]
    assert rows[0].time_microseconds < rows[1].time_microseconds
    assert rows[0].time_microseconds == rows[2].time_microseconds


def test_attributes_become_categories(tmp_path: Path) -> None:
    (tmp_path / "sequences.txt").write_text("1 10\n")
    (tmp_path / "item_attributes.json").write_text(json.dumps({"10": [3, 5, 3], "11": 7}))
    rows = list(open_dataset(tmp_path, ReadOptions()).items())
    assert rows == [ItemRecord(1, "10", categories=("3", "5")), BadRow(2, "attributes are not a list")]


def test_a_user_without_items_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text("1 10\n2\n")
    assert list(open_dataset(path, ReadOptions()).events())[1] == BadRow(2, "a user without items")


def test_a_line_may_be_longer_than_lines_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text("1 10\n2 " + " ".join(["12345678"] * 200_000) + "\n")
    assert sum(1 for _ in open_dataset(path, ReadOptions()).events()) == 200_001


def test_attributes_that_are_no_json_stop_the_reading(tmp_path: Path) -> None:
    (tmp_path / "sequences.txt").write_text("1 10\n")
    (tmp_path / "item_attributes.json").write_text("{")
    with pytest.raises(DatasetError, match="not a JSON object"):
        list(open_dataset(tmp_path, ReadOptions()).items())


def test_tab_separated_ratings_are_another_format(tmp_path: Path) -> None:
    path = tmp_path / "u.data"
    path.write_text("1\t2\t3\t4\n")
    assert not looks_like(path)
    with pytest.raises(WrongFormatError, match="holds no sequences"):
        open_dataset(path, ReadOptions())
