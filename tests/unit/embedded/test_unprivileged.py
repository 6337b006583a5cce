"""PostgreSQL's programs run as an ordinary user, whoever starts the stack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.embedded.unprivileged import ordinary_user

SOURCE = str(Path(__file__).parents[3])


def test_a_command_is_not_run_as_root(tmp_path: Path) -> None:
    shown = shutil.which("id")
    assert shown
    command = (*ordinary_user(Path(shown), tmp_path).prefix, shown, "-u")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": SOURCE})
    assert done.stdout.strip() != "0"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_can_become_an_existing_user() -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "services.embedded.unprivileged",
        "user",
        "nobody",
        "--",
        "/usr/bin/id",
        "-un",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": SOURCE})
    assert done.stdout == "nobody\n"


def test_a_user_that_is_not_there_is_one_line() -> None:
    command = [sys.executable, "-P", "-m", "services.embedded.unprivileged", "user", "no-such", "--", "/usr/bin/id"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": SOURCE}
    )
    assert done.returncode == 126
    assert done.stderr.startswith("cannot run /usr/bin/id as an ordinary user")
    assert done.stderr.count("\n") == 1
