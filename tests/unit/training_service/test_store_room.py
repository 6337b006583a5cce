"""What a store takes, what it may take, and the refusal of a run that would not fit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.core.bundle import MANIFEST
from services.training.store_room import NoRoomError, check_room, measure, used_bytes

BUNDLE = "20240101000000"


def write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def test_files_count_once_under_all_their_names_and_links_not_at_all(tmp_path: Path) -> None:
    file = write(tmp_path / BUNDLE / "vectors.npy", 100_000)
    once = used_bytes(tmp_path)
    assert once >= 100_000
    (tmp_path / "models").mkdir()
    os.link(file, tmp_path / "models" / "again.npy")
    (tmp_path / "elsewhere").symlink_to("/usr")
    assert used_bytes(tmp_path) == pytest.approx(once, abs=4096)


def test_a_quota_is_the_limit_and_what_is_left_of_it_is_free(tmp_path: Path) -> None:
    write(tmp_path / BUNDLE / "vectors.npy", 100_000)
    room = measure(tmp_path, 1_000_000)
    assert room.limit == 1_000_000
    assert room.free == 1_000_000 - room.used


def test_over_the_quota_nothing_is_free(tmp_path: Path) -> None:
    write(tmp_path / BUNDLE / "vectors.npy", 100_000)
    assert measure(tmp_path, 50_000).free == 0


def test_without_a_quota_the_file_system_is_the_limit(tmp_path: Path) -> None:
    room = measure(tmp_path)
    assert room.limit > room.free > 0


def test_a_run_that_fits_is_let_in(tmp_path: Path) -> None:
    write(tmp_path / BUNDLE / "vectors.npy", 100_000)
    write(tmp_path / BUNDLE / MANIFEST, 10)
    check_room(tmp_path, 1_000_000)
    check_room(tmp_path, 0)
    check_room(tmp_path / "not there yet", 0)


def test_a_run_that_does_not_fit_is_told_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / BUNDLE / "vectors.npy", 3_000_000)
    write(tmp_path / BUNDLE / MANIFEST, 10)
    with pytest.raises(NoRoomError, match=r"has 1 MB left and a bundle takes 3 MB; .*TROMMEL_KEEP_BUNDLES"):
        check_room(tmp_path, 4_000_000)


def test_a_full_store_refuses_the_first_bundle_too(tmp_path: Path) -> None:
    write(tmp_path / "something", 100_000)
    with pytest.raises(NoRoomError):
        check_room(tmp_path, 50_000)
