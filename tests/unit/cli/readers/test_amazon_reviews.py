from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from services.cli.readers.amazon_reviews import looks_like, open_dataset
from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.formats import guess_format
from services.cli.readers.records import BadRow, EventRecord, ReadOptions

_OLD = {
    "reviewerID": "A1",
    "asin": "B01",
    "overall": 5.0,
    "summary": "good",
    "reviewText": "filters the pops",
    "unixReviewTime": 1393545600,
}
_NEW = {
    "user_id": "A2",
    "parent_asin": "B02",
    "rating": 1,
    "title": "",
    "text": "buzzes",
    "timestamp": 1588687728923,
}


def _lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_review_is_a_rating_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "Musical_Instruments_5.json"
    path.write_text(_lines(_OLD))
    dataset = open_dataset(path, ReadOptions())
    assert list(dataset.events()) == [
        EventRecord(1, "A1", "B01", "rating", 1393545600_000_000, 5.0, text="good\nfilters the pops")
    ]
    assert list(dataset.items()) == []


def test_the_newer_shape_has_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    path.write_text(_lines(_NEW))
    assert list(open_dataset(path, ReadOptions()).events()) == [
        EventRecord(1, "A2", "B02", "rating", 1588687728_923_000, 1.0, text="buzzes")
    ]


@pytest.mark.parametrize("ending", [".json", ".json.gz", ".zip"])
def test_compressed_or_not_it_is_recognised(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"reviews{ending}"
    text = _lines(_OLD).encode()
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("Musical_Instruments.json", text)
    else:
        path.write_bytes(gzip.compress(text) if ending == ".json.gz" else text)
    assert guess_format(path) == "amazon-reviews"
    assert guess_format(tmp_path) == "amazon-reviews"
    assert len(list(open_dataset(tmp_path, ReadOptions()).events())) == 1


def test_what_cannot_be_read_of_a_row_costs_that_row(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    dirty = [{**_OLD, "overall": "many"}, {**_OLD, "asin": None}, [1], {**_OLD, "reviewText": 7}]
    path.write_text(_lines(_OLD, *dirty))
    rows = list(open_dataset(path, ReadOptions()).events())
    assert rows[1:4] == [
        BadRow(2, "overall is not a number"),
        BadRow(3, "asin is missing"),
        BadRow(4, "not a JSON object"),
    ]
    assert isinstance(rows[4], EventRecord)
    assert rows[4].text == "good"


def test_other_json_is_another_format(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(_lines({"user_id": "1", "item_id": "2", "time": 3}))
    assert not looks_like(path)
    assert guess_format(path) == "jsonl"
    with pytest.raises(WrongFormatError, match="no Amazon reviews"):
        open_dataset(path, ReadOptions())


def test_a_damaged_archive_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(_lines(*[_OLD] * 1000).encode())[:-200])
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        list(open_dataset(path, ReadOptions()).events())


def test_an_archive_of_several_files_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", _lines(_OLD))
        archive.writestr("b.json", _lines(_OLD))
    with pytest.raises(DatasetError, match="holds 2 files"):
        open_dataset(path, ReadOptions())
