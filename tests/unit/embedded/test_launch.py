"""The launcher becomes the program, and names the models that Triton is to load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from services.embedded.launch import models_with_versions, pid_file
from services.embedded.triton import seed_models

SOURCE = str(Path(__file__).parents[3])


def _launch(run: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "services.embedded.launch", name],
        cwd=run,
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
    )


def _entry(run: Path, command: list[str], **more: str) -> None:
    entry = {"command": command, "directory": str(run), "environment": {"GIVEN": "a b"}, **more}
    (run / "programs.json").write_text(json.dumps({"part": entry}))


def test_it_becomes_the_program_with_its_environment(tmp_path: Path) -> None:
    _entry(tmp_path, ["/bin/sh", "-c", 'echo "$$ $GIVEN $TROMMEL_PROGRAM"'])
    done = _launch(tmp_path, "part")
    pid = pid_file(tmp_path, "part").read_text()
    assert done.stdout == f"{pid} a b part\n"


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    _entry(tmp_path, ["/no/such/program"])
    done = _launch(tmp_path, "part")
    assert done.returncode == 1
    assert done.stderr == "cannot run /no/such/program: No such file or directory\n"


def test_only_models_with_a_version_are_loaded(tmp_path: Path) -> None:
    repository = tmp_path / "models"
    assert models_with_versions(repository) == []
    seed_models(repository)
    assert models_with_versions(repository) == []
    (repository / "ranker" / ".20240101000000.draft").mkdir()
    assert models_with_versions(repository) == []
    (repository / "ranker" / "20240101000000").mkdir()
    assert models_with_versions(repository) == ["ranker"]
    _entry(tmp_path, ["/bin/echo", "server"], model_repository=str(repository))
    assert _launch(tmp_path, "part").stdout == "server --load-model=ranker\n"


def test_a_configuration_that_is_the_same_is_not_touched(tmp_path: Path) -> None:
    """Triton reloads every version of a model whose config.pbtxt was touched."""
    seed_models(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/config.pbtxt")}
    assert {path.parent.name for path in before} == {"ranker", "text_encoder", "tuned_text_encoder", "user_encoder"}
    seed_models(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (tmp_path / "ranker" / "config.pbtxt").write_text("old")
    seed_models(tmp_path)
    assert (tmp_path / "ranker" / "config.pbtxt").read_text() != "old"
