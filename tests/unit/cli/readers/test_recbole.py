from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.recbole import looks_like, open_dataset
from services.cli.readers.records import BadRow, EventRecord, ItemRecord, ReadOptions, UserRecord

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"


def test_interactions_and_items(tmp_path: Path) -> None:
    (tmp_path / "ml.inter").write_text(f"{INTER}196\t242\t3\t881250949\n")
    (tmp_path / "ml.item").write_text(f"{ITEM}1\tToy Story\t1995\tAnimation Comedy\n267\tunkonwn\tunkonwn\tunknown\n")
    dataset = open_dataset(tmp_path, ReadOptions())
    assert dataset.name == "ml"
    assert list(dataset.events()) == [EventRecord(2, "196", "242", "rating", 881_250_949_000_000, 3.0)]
    assert list(dataset.items()) == [
        ItemRecord(2, "1", "Toy Story (1995)", categories=("Animation", "Comedy"), attributes={"release_year": "1995"}),
        ItemRecord(3, "267"),
    ]


def test_without_ratings_events_are_of_the_given_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\nu\ti\t5\n")
    rows = list(open_dataset(path, ReadOptions(kind="purchase")).events())
    assert rows == [EventRecord(2, "u", "i", "purchase", 5_000_000)]


def test_columns_of_other_names_are_named_by_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text("who:token\titem_id:token\ttimestamp:float\nu\ti\t5\n")
    with pytest.raises(DatasetError, match="no user column: name it with --user-column"):
        open_dataset(path, ReadOptions())
    assert len(list(open_dataset(path, ReadOptions(columns={"user": "who"})).events())) == 1


def test_bad_rows_lose_themselves_only(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text(f"{INTER}1\t2\t3\n1\t2\tNaN\t4\n1\t2\t3\t4\n")
    rows = list(open_dataset(path, ReadOptions()).events())
    assert rows[:2] == [
        BadRow(2, "expected 4 columns, found another number"),
        BadRow(3, "rating is not a finite number"),
    ]
    assert isinstance(rows[2], EventRecord)


def test_a_header_without_types_is_another_format(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text("user_id\titem_id\n1\t2\n")
    assert not looks_like(path)
    with pytest.raises(WrongFormatError, match="typed header"):
        open_dataset(path, ReadOptions())


def test_who_the_users_are(tmp_path: Path) -> None:
    (tmp_path / "ml.inter").write_text(f"{INTER}196\t242\t3\t881250949\n")
    assert list(open_dataset(tmp_path, ReadOptions()).users()) == []
    header = "user_id:token\tage:token\tgender:token\tzip_code:token\n"
    (tmp_path / "ml.user").write_text(f"{header}196\t49\tM\t55105\n7\t\tF\t1\nshort\n")
    assert list(open_dataset(tmp_path, ReadOptions()).users()) == [
        UserRecord("196", {"age": "49", "gender": "M"}),
        UserRecord("7", {"gender": "F"}),
    ]
    (tmp_path / "ml.user").write_text("nobody:token\n1\n")
    assert list(open_dataset(tmp_path, ReadOptions()).users()) == []
