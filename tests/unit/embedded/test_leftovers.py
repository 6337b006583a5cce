"""Orphans are told by their mark; strangers, and this process, are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services.embedded.launch import MARKER, PROGRAM
from services.embedded.leftovers import clean, find, is_alive, stop

WAIT = "import time, signal; print('up', flush=True); time.sleep(60)"
DEAF = "import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def start() -> Iterator[Callable[..., psutil.Process]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(code: str, **marks: str) -> psutil.Process:
        process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, **marks}, stdout=subprocess.PIPE, start_new_session=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return psutil.Process(process.pid)

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_marked_processes_are_found_and_ended(tmp_path: Path, start: Callable[..., psutil.Process]) -> None:
    mine = start(WAIT, **{MARKER: str(tmp_path), PROGRAM: "ranking"})
    other = start(WAIT, **{MARKER: str(tmp_path / "other"), PROGRAM: "ranking"})
    unmarked = start(WAIT)

    assert find(tmp_path) == [mine]
    assert stop([mine]) == 1
    assert not is_alive(mine)
    assert is_alive(other)
    assert is_alive(unmarked)
    assert find(tmp_path) == []


def test_one_that_does_not_listen_is_killed_in_the_end(tmp_path: Path, start: Callable[..., psutil.Process]) -> None:
    deaf = start(DEAF, **{MARKER: str(tmp_path), PROGRAM: "feedback"})
    stop([deaf], wait_seconds=0.2)
    assert not is_alive(deaf)


def test_this_process_is_never_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from pathlib import Path; from services.embedded.leftovers import find; import sys;"
        "sys.exit(len(find(Path(sys.argv[1]))))"
    )
    environment = {**os.environ, MARKER: str(tmp_path)}
    # The shell is marked too, and above the process that looks.
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" "$2"; exit $?', sys.executable, code, str(tmp_path)],
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0


def test_stale_files_go_and_data_stays(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (tmp_path / "run").mkdir()
    stale = [tmp_path / "run" / "supervisor.sock", tmp_path / "run" / "supervisord.pid", data / "postmaster.pid"]
    for path in [*stale, data / "PG_VERSION"]:
        path.write_text("1")
    clean(tmp_path)
    assert not any(path.exists() for path in stale)
    assert (data / "PG_VERSION").exists()
    clean(tmp_path)
