from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow.parquet import write_table

from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.parquet import open_dataset
from services.cli.readers.records import BadRow, EventRecord, ItemRecord, ReadOptions


def write(path: Path, **columns: list[Any]) -> Path:
    write_table(pyarrow.table(columns), path)
    return path


def test_events_with_times_of_several_kinds(tmp_path: Path) -> None:
    moment = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    path = write(tmp_path / "e.parquet", user_id=[1, 2], item_id=["a", "b"], time=[moment, moment])
    rows = list(open_dataset(path, ReadOptions()).events())
    assert rows == [EventRecord(n, str(n), i, "click", 1_714_564_800_123_456) for n, i in ((1, "a"), (2, "b"))]


def test_items_and_events_of_a_directory(tmp_path: Path) -> None:
    write(tmp_path / "events.parquet", user_id=["u"], item_id=["i"], timestamp=[5], rating=[4.5])
    write(tmp_path / "items.parquet", item_id=["i"], title=["T"], genres=[["x", "y"]], price=[1.5])
    dataset = open_dataset(tmp_path, ReadOptions())
    assert list(dataset.events()) == [EventRecord(1, "u", "i", "rating", 5_000_000, 4.5)]
    assert list(dataset.items()) == [ItemRecord(1, "i", "T", categories=("x", "y"), attributes={"price": 1.5})]


def test_missing_and_not_finite_values_lose_their_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.parquet",
        user_id=["u", None, "u", "u"],
        item_id=["i", "i", "i", "i"],
        time=[1.0, 1.0, float("nan"), None],
        value=[float("nan"), 1.0, 1.0, 1.0],
    )
    assert list(open_dataset(path, ReadOptions()).events()) == [
        BadRow(1, "value is not a finite number"),
        BadRow(2, "user_id is missing"),
        BadRow(3, "time is not a time"),
        BadRow(4, "time is missing"),
    ]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", user_id=["u"], when=[1])
    with pytest.raises(DatasetError, match="no item column: name it with --item-column"):
        open_dataset(path, ReadOptions())


def test_a_file_cut_short_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", user_id=["u"], item_id=["i"], time=[1])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match="not a readable parquet file"):
        open_dataset(path, ReadOptions())


def test_text_is_another_format(tmp_path: Path) -> None:
    (tmp_path / "e.parquet").write_text("user,item\n")
    with pytest.raises(WrongFormatError, match="no parquet files"):
        open_dataset(tmp_path, ReadOptions())
