from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.readers.dataset_error import WrongFormatError
from services.cli.readers.movielens import looks_like, open_dataset
from services.cli.readers.records import BadRow, EventRecord, ItemRecord, ReadOptions

FLAGS = "0|0|0|1|1|1" + "|0" * 13


def events(path: Path) -> list[EventRecord | BadRow]:
    return list(open_dataset(path, ReadOptions()).events())


def items(path: Path) -> list[ItemRecord | BadRow]:
    return list(open_dataset(path, ReadOptions()).items())


def test_the_100k_edition(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t4\t891717742\n")
    (tmp_path / "u.item").write_bytes(f"1|Toy Story (1995)|01-Jan-1995||http://x|{FLAGS}\n".encode("latin-1"))
    assert events(tmp_path) == [
        EventRecord(1, "196", "242", "rating", 881_250_949_000_000, 3.0),
        EventRecord(2, "186", "302", "rating", 891_717_742_000_000, 4.0),
    ]
    assert items(tmp_path) == [
        ItemRecord(
            1, "1", "Toy Story (1995)", categories=("Animation", "Children's", "Comedy"), attributes={"year": 1995}
        )
    ]


def test_the_1m_edition_with_latin_1_titles_and_crlf(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_bytes(b"1::1193::5::978300760\r\n")
    (tmp_path / "movies.dat").write_bytes("73::Misérables, Les (1995)::Drama|Musical\r\n".encode("latin-1"))
    assert events(tmp_path) == [EventRecord(1, "1", "1193", "rating", 978_300_760_000_000, 5.0)]
    found = items(tmp_path)[0]
    assert isinstance(found, ItemRecord)
    assert found.title == "Misérables, Les (1995)"
    assert found.categories == ("Drama", "Musical")


def test_the_later_editions_with_quoted_titles(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n")
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n11,"American President, The (1995)",(no genres listed)\n'
    )
    assert events(tmp_path) == [EventRecord(2, "1", "296", "rating", 1_147_880_044_000_000, 5.0)]
    assert items(tmp_path) == [ItemRecord(2, "11", "American President, The (1995)", attributes={"year": 1995})]


def test_the_normal_form_that_fetch_writes(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t2\t3\t4\n")
    (tmp_path / "items.tsv").write_text(
        "item_id\ttitle\tyear\tgenres\n267\tunknown\t\tunknown\n2\tGoldenEye\t1995\tAction\n"
    )
    assert items(tmp_path) == [
        ItemRecord(2, "267", "unknown"),
        ItemRecord(3, "2", "GoldenEye (1995)", categories=("Action",), attributes={"year": 1995}),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1\t2\t3", "expected 4 columns, found 3"),
        ("1\t2\t3\t4\t5", "expected 4 columns, found more"),
        ("\t2\t3\t4", "user is missing"),
        ("1\t\t3\t4", "item is missing"),
        ("1\t2\tfive\t4", "rating is not a number"),
        ("1\t2\tnan\t4", "rating is not a finite number"),
        ("1\t2\t3\tyesterday", "timestamp is not a time"),
        ("1\t2\t3\tinf", "timestamp is not a time"),
    ],
)
def test_a_bad_row_loses_that_row(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "u.data").write_text(f"1\t2\t3\t4\n{line}\n1\t9\t3\t4\n")
    rows = events(tmp_path)
    assert rows[1] == BadRow(2, reason)
    assert [row.line for row in rows] == [1, 2, 3]


def test_a_ratings_file_may_be_named_itself_and_may_stand_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("1\t2\t3\t4\n")
    assert len(events(tmp_path / "mine.txt")) == 1
    assert items(tmp_path / "mine.txt") == []


def test_what_is_no_movielens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("just some words\n")
    assert not looks_like(tmp_path)
    with pytest.raises(WrongFormatError, match="no MovieLens ratings"):
        open_dataset(tmp_path, ReadOptions())
