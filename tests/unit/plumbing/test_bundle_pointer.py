from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from services.plumbing.bundle_pointer import read_pointer, write_pointer

A, B, C = "20240101000000", "20240102000000", "20240103000000"


def test_a_store_without_a_pointer_has_none(tmp_path: Path) -> None:
    assert read_pointer(tmp_path) is None
    assert read_pointer(tmp_path / "missing") is None


def test_what_was_written_is_read_and_remembers_what_was_before(tmp_path: Path) -> None:
    store = tmp_path / "made" / "on demand"
    assert write_pointer(store, A).previous is None
    assert write_pointer(store, B).previous == A
    pointer = write_pointer(store, C)
    assert read_pointer(store) == pointer
    assert (pointer.version, pointer.previous) == (C, B)
    assert datetime.fromisoformat(pointer.activated_at).tzinfo is not None


def test_pointing_again_keeps_the_previous_version(tmp_path: Path) -> None:
    write_pointer(tmp_path, A)
    write_pointer(tmp_path, B)
    assert write_pointer(tmp_path, B).previous == A


def test_rolling_back_swaps_the_two(tmp_path: Path) -> None:
    write_pointer(tmp_path, A)
    write_pointer(tmp_path, B)
    pointer = write_pointer(tmp_path, A)
    assert (pointer.version, pointer.previous) == (A, B)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "../../etc"}', '{"version": 7}', "\x00", "null"])
def test_a_file_that_is_no_pointer_is_told_and_can_be_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "active.json").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read_pointer(tmp_path)
    assert write_pointer(tmp_path, A).previous is None
    assert read_pointer(tmp_path) is not None


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    write_pointer(tmp_path, A)
    assert [path.name for path in tmp_path.iterdir()] == ["active.json"]
    assert json.loads((tmp_path / "active.json").read_text())["version"] == A
