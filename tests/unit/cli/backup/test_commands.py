from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.cli.backup.archive_writer import writing
from services.cli.backup.manifest import BackupManifest

Call = Callable[..., Any]
# Nothing listens there.
NOWHERE = "postgresql://trommel:planted-secret@127.0.0.1:1/trommel"


def sealed(path: Path, revision: str = "0001", bundles: tuple[str, ...] = ()) -> Path:
    with writing(path) as writer:
        writer.seal(lambda files: BackupManifest("2026", "1.0", revision, {}, {}, None, bundles, files))
    return path


def test_a_backup_of_no_stack_makes_none(trommel: Call, tmp_path: Path) -> None:
    outcome = trommel("backup", str(tmp_path / "b.tar"))
    assert outcome.code == 1
    assert "there is no stack" in outcome.error_line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", [NOWHERE, "postgresql://trommel:planted-secret@[nowhere/x", "planted-secret"])
def test_a_database_that_is_away_is_one_line_without_its_password(
    trommel: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TROMMEL_DATABASE_URL", url)
    outcome = trommel("backup", str(tmp_path / "b.tar"))
    assert outcome.code == 1
    assert "TROMMEL_DATABASE_URL" in outcome.error_line
    assert "planted-secret" not in outcome.notes
    assert list(tmp_path.iterdir()) == []


def test_a_restore_behind_urls_wants_all_of_them(
    trommel: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROMMEL_DATABASE_URL", NOWHERE)
    plain = sealed(tmp_path / "plain.tar")
    assert "set TROMMEL_REDIS_URL" in trommel("restore", str(plain)).error_line
    monkeypatch.setenv("TROMMEL_REDIS_URL", "redis://:planted-secret@127.0.0.1:1/0")
    outcome = trommel("restore", str(plain))
    assert "Redis does not answer" in outcome.error_line
    assert "planted-secret" not in outcome.notes
    with_bundles = sealed(tmp_path / "bundles.tar", bundles=("20260101000000",))
    assert "set TROMMEL_BUNDLE_STORE" in trommel("restore", str(with_bundles)).error_line
    assert "Redis does not answer" in trommel("restore", str(with_bundles), "--without-bundles").error_line


def test_a_backup_that_is_not_there_is_one_line(trommel: Call, tmp_path: Path) -> None:
    assert "cannot read" in trommel("restore", str(tmp_path / "none.tar")).error_line
    assert "no trommel-*.tar" in trommel("restore", str(tmp_path)).error_line
