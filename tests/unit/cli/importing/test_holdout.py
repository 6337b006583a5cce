from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.cli_error import CliError
from services.cli.importing.holdout import HeldOutEvent, read_holdout, write_holdout
from services.cli.importing.preflight import HeldOut


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.holdout.jsonl"
    write_holdout(path, {"u": HeldOut(881_250_949_000_000, 3, "i"), "é\n": HeldOut(0, 4, "j")})
    assert read_holdout(path) == [
        HeldOutEvent("u", "i", "1997-12-04T15:55:49Z"),
        HeldOutEvent("é\n", "j", "1970-01-01T00:00:00Z"),
    ]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "[1]\n", '{"user_id": "u"}\n', "u i\n"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a"
    path.write_text(text)
    with pytest.raises(CliError, match=r"no holdout file|holds no events"):
        read_holdout(path)


def test_a_missing_file_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="--holdout last"):
        read_holdout(tmp_path / "nowhere")
