from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.cli.backup.archive_reader import reading
from services.cli.backup.archive_writer import writing
from services.cli.backup.bundle_files import add_bundles, point_as_before, put_bundles
from services.cli.backup.manifest import BackupManifest
from services.cli.cli_error import CliError
from services.core.bundle import list_versions, verify_bundle
from services.core.text_encoder_files import DESCRIPTION, FOLDER, MODEL, TextEncoderDescription
from services.plumbing.bundle_pointer import read_pointer, write_pointer
from tests.bundle_maker import make_bundle

OLD, BEFORE, ACTIVE = "20260101000000", "20260102000000", "20260103000000"


def make_encoder(store: Path, fingerprint: str) -> None:
    folder = store / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_text(f"model {fingerprint}")
    (folder / DESCRIPTION).write_text(TextEncoderDescription("name", 8, 16, 0, fingerprint).to_json())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = tmp_path / "bundles"
    for version in (OLD, BEFORE, ACTIVE):
        make_bundle(made, version, item_count=20)
        write_pointer(made, version)
    make_encoder(made, "one")
    return made


def back_up(store: Path, target: Path, active: tuple[str, ...] = (ACTIVE,)) -> list[str]:
    """Write a backup of the store; return what was said to be left out."""
    notes: list[str] = []
    with writing(target) as writer:
        pointer, bundles = add_bundles(writer, store, active, lambda *_: None, notes.append)
        writer.seal(lambda files: BackupManifest("2026", "1.0", "0001", {}, {}, pointer, bundles, files))
    return notes


def put_back(source: Path, store: Path) -> None:
    with reading(source) as archive:
        put_bundles(archive, store)
        point_as_before(archive, store)


def test_a_lost_store_comes_back(store: Path, tmp_path: Path) -> None:
    assert back_up(store, tmp_path / "b.tar") == []
    again = tmp_path / "again"
    for _ in range(2):  # the second time changes nothing
        put_back(tmp_path / "b.tar", again)
        assert list_versions(again) == [BEFORE, ACTIVE]
        assert [verify_bundle(again / version).version for version in (BEFORE, ACTIVE)] == [BEFORE, ACTIVE]
        assert read_pointer(again) == read_pointer(store)
        assert (again / FOLDER / MODEL).read_text() == "model one"
        assert {path.name for path in again.iterdir()} == {BEFORE, ACTIVE, FOLDER, "active.json"}


def test_another_text_encoder_gives_way_and_other_bundles_stay(store: Path, tmp_path: Path) -> None:
    back_up(store, tmp_path / "b.tar")
    again = tmp_path / "again"
    make_bundle(again, OLD, item_count=20)
    write_pointer(again, OLD)
    make_encoder(again, "two")
    put_back(tmp_path / "b.tar", again)
    assert list_versions(again) == [OLD, BEFORE, ACTIVE]
    assert (again / FOLDER / MODEL).read_text() == "model one"
    pointer = read_pointer(again)
    assert pointer is not None
    assert (pointer.version, pointer.previous) == (ACTIVE, BEFORE)


def test_an_altered_bundle_is_not_backed_up(store: Path, tmp_path: Path) -> None:
    (store / ACTIVE / "metrics.json").write_text("{}")
    with pytest.raises(CliError, match=r"metrics\.json was altered"):
        back_up(store, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


def test_a_bundle_that_serves_must_be_there_and_the_one_before_need_not(store: Path, tmp_path: Path) -> None:
    with pytest.raises(CliError, match="--without-bundles"):
        back_up(store, tmp_path / "b.tar", active=("20260104000000",))
    (store / BEFORE).rename(tmp_path / "gone")
    (note,) = back_up(store, tmp_path / "b.tar")
    assert BEFORE in note
    put_back(tmp_path / "b.tar", tmp_path / "again")
    assert list_versions(tmp_path / "again") == [ACTIVE]


def test_a_store_with_nothing_in_it_is_well(tmp_path: Path) -> None:
    assert back_up(tmp_path / "none", tmp_path / "b.tar", active=()) == []
    put_back(tmp_path / "b.tar", tmp_path / "again")
    assert read_pointer(tmp_path / "again") is None


def test_a_bundle_can_be_taken_out_by_tar_alone(store: Path, tmp_path: Path) -> None:
    back_up(store, tmp_path / "b.tar")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "b.tar", "-C", out, "bundles"], check=True)
    assert verify_bundle(out / "bundles" / ACTIVE) == verify_bundle(store / ACTIVE)
