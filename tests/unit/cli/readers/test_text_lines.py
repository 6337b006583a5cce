from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.readers.dataset_error import DatasetError
from services.cli.readers.records import BadRow
from services.cli.readers.text_lines import LONGEST_LINE_BYTES, Line, text_lines


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    return path


def test_lines_are_numbered_from_one_and_blank_ones_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, b"one\n\n  \ntwo")
    assert list(text_lines(path)) == [Line(1, "one"), Line(4, "two")]


def test_both_kinds_of_line_ends_and_a_byte_order_mark_are_taken_off(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbfone\r\ntwo\n")
    assert list(text_lines(path)) == [Line(1, "one"), Line(2, "two")]


def test_a_line_that_is_not_utf_8_loses_itself_only(tmp_path: Path) -> None:
    path = write(tmp_path, b"gut\n" + "Amélie\n".encode("latin-1") + b"also good\n")
    assert list(text_lines(path)) == [Line(1, "gut"), BadRow(2, "not UTF-8 text"), Line(3, "also good")]


def test_with_a_fallback_encoding_such_a_line_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "Amélie\n".encode("latin-1") + "Amélie\n".encode())
    assert list(text_lines(path, fallback_encoding="latin-1")) == [Line(1, "Amélie"), Line(2, "Amélie")]


def test_a_huge_line_loses_itself_only(tmp_path: Path) -> None:
    path = write(tmp_path, b"one\n" + b"x" * (3 * LONGEST_LINE_BYTES) + b"\nthree\n")
    assert list(text_lines(path)) == [Line(1, "one"), BadRow(2, "line longer than 1024 KiB"), Line(3, "three")]


def test_a_line_of_just_the_longest_length_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"x" * 9 + b"\ny\n")
    assert list(text_lines(path, longest_bytes=10)) == [Line(1, "x" * 9), Line(2, "y")]


@pytest.mark.parametrize("content", [b"", "a,b\n".encode("utf-16")])
def test_an_empty_file_and_utf_16_are_no_files_to_read(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"is empty|UTF-16"):
        list(text_lines(write(tmp_path, content)))


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot read"):
        list(text_lines(tmp_path))
