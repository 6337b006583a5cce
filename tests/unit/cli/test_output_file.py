from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.cli_error import CliError
from services.cli.output_file import check_outputs, write_output


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    check_outputs([path, None])
    assert list(tmp_path.iterdir()) == []
    write_output(path, ["α", "β\n"])
    write_output(path, ["γ\n"])
    assert path.read_text("utf-8") == "γ\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    def parts() -> Iterator[str]:
        yield "half"
        raise KeyError("the other half")

    with pytest.raises(KeyError):
        write_output(path, parts())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    check_outputs([link, Path(os.devnull)])
    write_output(link, ["through"])
    write_output(Path(os.devnull), ["nowhere"])
    assert link.is_symlink()
    assert target.read_text() == "through"
    assert not Path(os.devnull).is_file()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "no" / "such" / "folder", tmp_path / "file" / "below"):
        with pytest.raises(CliError, match="cannot write"):
            check_outputs([path])
        with pytest.raises(CliError, match="cannot write"):
            write_output(path, ["x"])
    with pytest.raises(CliError, match="named for two outputs"):
        check_outputs([tmp_path / "one", tmp_path / "." / "one"])


@pytest.mark.parametrize("option", ["--json", "--predictions", "--report"])
@pytest.mark.parametrize("way", [("--protocol", "leave-one-out"), ("--served",)], ids=" ".join)
def test_a_path_that_cannot_be_written_ends_an_evaluation_before_it_begins(
    trommel: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, way: tuple[str, ...]
) -> None:
    import services.cli.evaluation.evaluation as served
    import services.cli.evaluation.offline as offline

    def begun(*_: Any, **__: Any) -> None:
        raise AssertionError("the evaluation began")

    monkeypatch.setattr(offline, "evaluate_offline", begun)
    monkeypatch.setattr(served, "evaluate_served", begun)
    path = tmp_path / "nowhere" / "out"
    outcome = trommel("evaluate", str(tmp_path), *way, option, str(path))
    assert outcome.code == 1
    assert f"cannot write {path}" in outcome.error_line
    assert not path.parent.exists()
