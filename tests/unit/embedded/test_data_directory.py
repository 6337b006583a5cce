"""The data directory is private, held by one command at a time, and its record survives bad luck."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.embedded.data_directory import exclusive, prepare, read_record, write_private
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    settings = StackSettings(data_dir=tmp_path / "a b")
    prepare(settings)
    prepare(settings)
    assert settings.root.stat().st_mode & 0o777 == 0o700
    assert (settings.root / "logs").is_dir()
    assert settings.models.is_dir()


def test_two_commands_at_once_are_told_apart(tmp_path: Path) -> None:
    prepare(StackSettings(data_dir=tmp_path))
    with exclusive(tmp_path), pytest.raises(StackError, match="another command"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


def test_a_private_file_is_private_from_the_start(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "one")
    write_private(tmp_path / "secret", "two")
    assert (tmp_path / "secret").read_text() == "two"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_spoilt_record_is_no_record(tmp_path: Path, text: str) -> None:
    assert read_record(tmp_path) == {}
    (tmp_path / "stack.json").write_text(text)
    assert read_record(tmp_path) == {}
