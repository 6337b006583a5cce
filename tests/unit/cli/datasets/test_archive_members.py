from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from services.cli.datasets.archive_members import extract
from services.cli.datasets.fetch_error import FetchError


def archive(tmp_path: Path, **members: bytes) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def test_named_members_land_where_the_caller_says(tmp_path: Path) -> None:
    path = archive(tmp_path, **{"in/one": b"1", "../escaped": b"no"})
    extract(path, {"in/one": tmp_path / "out"}, 10)
    assert (tmp_path / "out").read_bytes() == b"1"
    assert not (tmp_path.parent / "escaped").exists()


def test_a_member_that_unpacks_too_large_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, bomb=b"0" * 5_000_000)
    with pytest.raises(FetchError, match="larger than"):
        extract(path, {"bomb": tmp_path / "out"}, 1_000_000)
    assert (tmp_path / "out").stat().st_size <= 1_000_000


def test_a_missing_member_and_a_damaged_archive_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="has no"):
        extract(archive(tmp_path, one=b"1"), {"two": tmp_path / "out"}, 10)
    (tmp_path / "b.zip").write_bytes(b"PK nothing")
    with pytest.raises(FetchError, match="cannot be read"):
        extract(tmp_path / "b.zip", {"one": tmp_path / "out"}, 10)
