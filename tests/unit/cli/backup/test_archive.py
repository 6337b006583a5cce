from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.backup.archive_reader import choose_source, reading
from services.cli.backup.archive_writer import choose_target, writing
from services.cli.backup.manifest import BackupManifest, TableEntry
from services.cli.cli_error import CliError
from services.core.bundle import FileEntry


def manifest(files: dict[str, FileEntry]) -> BackupManifest:
    return BackupManifest(
        created_at="2026-01-01T00:00:00+00:00",
        trommel_version="1.0",
        revision="0001",
        tables={"items": TableEntry(("tenant", "item_id"), 2, ("tables/items/000000.copy.gz",))},
        sequences={"item_revision_seq": 3},
        pointer={"version": "20260101000000", "previous": None, "activated_at": ""},
        bundles=("20260101000000",),
        files=files,
    )


def write(target: Path) -> BackupManifest:
    with writing(target) as writer:
        writer.add_bytes("tables/items/000000.copy.gz", b"rows" * 1000)
        return writer.seal(manifest)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(bytes(range(256)) * 5000)
    with writing(tmp_path / "b.tar") as writer:
        writer.add_bytes("tables/items/000000.copy.gz", b"rows")
        entry = writer.add_file("bundles/20260101000000/model.onnx", other)
        written = writer.seal(manifest)
    assert entry.bytes == 1_280_000
    with reading(tmp_path / "b.tar") as archive:
        assert archive.manifest == written
        assert archive.open("tables/items/000000.copy.gz").read() == b"rows"
        assert archive.open("bundles/20260101000000/model.onnx").read() == other.read_bytes()
        assert archive.names("bundles") == ["bundles/20260101000000/model.onnx"]
    assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "model.onnx"]


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="cannot write"), writing(tmp_path / "b.tar") as writer:
        writer.add_file("x", tmp_path / "none")
    with writing(tmp_path / "b.tar") as writer:
        writer.add_bytes("x", b"x")  # never sealed
    assert list(tmp_path.iterdir()) == []


def test_any_altered_byte_of_content_is_found(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "b.tar") as tar:
        members = [(member.offset_data, member.size) for member in tar.getmembers()]
    assert len(members) == 3
    for start, size in members:
        for at in (start, start + size // 2, start + size - 1 if size > 200 else start + 63):
            altered = bytearray(whole)
            altered[at] ^= 1
            (tmp_path / "c.tar").write_bytes(altered)
            with pytest.raises(CliError, match="take another"), reading(tmp_path / "c.tar"):
                pass


def test_a_backup_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "b.tar") as tar:
        last = tar.getmembers()[-1]
    for length in (0, 100, 512, 3000, last.offset, last.offset_data + 10):
        (tmp_path / "c.tar").write_bytes(whole[:length])
        with pytest.raises(CliError, match="not a whole backup"), reading(tmp_path / "c.tar"):
            pass


def test_a_member_that_nobody_promised_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        information = tarfile.TarInfo("bundles/extra")
        information.size = 1
        tar.addfile(information, io.BytesIO(b"x"))
    with pytest.raises(CliError, match="bundles/extra"), reading(tmp_path / "b.tar"):
        pass


def _with(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda raw: raw | changes


@pytest.mark.parametrize(
    "change",
    [
        _with(files={"../../etc/passwd": {"sha256": "", "bytes": 0}}),
        _with(files={"/etc/passwd": {"sha256": "", "bytes": 0}}),
        _with(tables={"items; DROP TABLE items": {"columns": [], "rows": 0, "parts": []}}),
        _with(tables={"items": {"columns": ["a b"], "rows": 0, "parts": []}}),
        _with(sequences=None),
        _with(format=2),
        lambda _: {},
    ],
)
def test_a_manifest_that_reaches_outside_or_is_none_is_refused(
    change: Callable[[dict[str, object]], dict[str, object]],
) -> None:
    raw = json.loads(manifest({}).to_json())
    assert BackupManifest.from_json(json.dumps(raw)) == manifest({})
    with pytest.raises(CliError):
        BackupManifest.from_json(json.dumps(change(raw)))


def test_a_directory_takes_files_by_time_and_gives_the_newest(tmp_path: Path) -> None:
    assert choose_target(tmp_path, "20260102000000") == tmp_path / "trommel-20260102000000.tar"
    with pytest.raises(CliError, match=r"no trommel-\*\.tar"):
        choose_source(tmp_path)
    for day in ("01", "03", "02"):
        (tmp_path / f"trommel-202601{day}000000.tar").touch()
    assert choose_source(tmp_path).name == "trommel-20260103000000.tar"
    with pytest.raises(CliError, match="is there already"):
        choose_target(tmp_path, "20260103000000")
    with pytest.raises(CliError, match="make that directory"):
        choose_target(tmp_path / "none" / "x.tar", "")
