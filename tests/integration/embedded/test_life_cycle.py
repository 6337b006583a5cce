"""up, down, status and what they do after kill -9, with the real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.embedded import INFRASTRUCTURE, StackError, StackSettings, down, preflight, status, up
from services.embedded.launch import MARKER
from services.embedded.leftovers import find
from services.embedded.triton import shared_memory_prefix
from tests.free_ports import free_port_base
from tests.integration.embedded.conftest import eventually

SOURCE = Path(__file__).parents[3]


def _environment(settings: StackSettings) -> dict[str, str]:
    record = json.loads((settings.root / "stack.json").read_text())
    return dict(record["environment"])


def _database(settings: StackSettings) -> psycopg.Connection:
    return psycopg.connect(_environment(settings)["TROMMEL_DATABASE_URL"], autocommit=True)


def _pids(settings: StackSettings) -> dict[str, int]:
    return {process.name: process.pid for process in status(settings) if process.pid}


def _one_line(error: StackError) -> str:
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)
    return str(error)


def test_the_parts_are_real_processes_with_their_own_names(stack: StackSettings) -> None:
    processes = {process.name: process for process in status(stack)}
    for name, program in (("postgres", "postgres"), ("redis", "redis-server"), ("triton", "tritonserver")):
        assert processes[name].state == "running"
        assert processes[name].embedded
        assert processes[name].uptime_seconds is not None
        assert psutil.Process(processes[name].pid).name() == program
    assert processes["ranking"].state == "stopped"


def test_postgres_is_durable_ours_alone_and_not_run_as_superuser(stack: StackSettings) -> None:
    with _database(stack) as link:
        row = link.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_user, "
            "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user), current_setting('server_version_num')::int"
        ).fetchone()
    assert row is not None
    assert row[:4] == ("on", "on", "trommel", False)
    assert row[4] // 10_000 == 18
    port = stack.port_base + 20
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://trommel@127.0.0.1:{port}/trommel", passfile=os.devnull)


def test_redis_keeps_a_log_and_asks_for_the_password(stack: StackSettings) -> None:
    with redis.Redis.from_url(_environment(stack)["TROMMEL_REDIS_URL"]) as client:
        assert {str(value) for value in client.config_get("appendonly").values()} <= {"yes", "b'yes'"}
    with (
        redis.Redis(port=stack.port_base + 21, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_the_record_is_for_its_owner_and_names_the_endpoints(stack: StackSettings) -> None:
    path = stack.root / "stack.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = json.loads(path.read_text())
    assert record["processes"]["triton"]["endpoint"] == f"127.0.0.1:{stack.port_base + 31}"
    assert record["environment"]["TROMMEL_TRITON_URL"] == f"127.0.0.1:{stack.port_base + 31}"
    assert record["environment"]["TROMMEL_RANKING_URL"] == f"127.0.0.1:{stack.port_base + 2}"


def test_a_second_up_changes_nothing(stack: StackSettings) -> None:
    before = _pids(stack)
    again = up(stack, only=INFRASTRUCTURE)
    assert again.already_running
    assert _pids(stack) == before
    assert again.environment["TROMMEL_DATABASE_URL"] == _environment(stack)["TROMMEL_DATABASE_URL"]


def test_a_killed_database_comes_back_with_every_commit(stack: StackSettings) -> None:
    with _database(stack) as link:
        link.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
        link.execute("INSERT INTO kept VALUES (1) ON CONFLICT DO NOTHING")
    killed = _pids(stack)["postgres"]
    os.kill(killed, signal.SIGKILL)

    def answers() -> bool:
        try:
            with _database(stack) as link:
                return link.execute("SELECT 1 FROM kept WHERE id = 1").fetchone() is not None
        except psycopg.OperationalError:
            return False

    eventually(answers, "PostgreSQL answers again")
    assert _pids(stack)["postgres"] != killed


def test_up_after_supervisord_was_killed_takes_the_orphans_away(stack: StackSettings) -> None:
    with _database(stack) as link:
        link.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
        link.execute("INSERT INTO kept VALUES (2) ON CONFLICT DO NOTHING")
    orphans = _pids(stack)
    keeper = json.loads((stack.root / "stack.json").read_text())["supervisord_pid"]
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: all(process.state == "stopped" for process in status(stack)), "supervisord is gone")
    assert {process.pid for process in find(stack.root)} >= set(orphans.values())

    lines: list[str] = []
    up(stack, lines.append, only=INFRASTRUCTURE)

    assert any("earlier stack" in line for line in lines)
    assert not {process.pid for process in find(stack.root)} & set(orphans.values())
    with _database(stack) as link:
        assert link.execute("SELECT id FROM kept WHERE id = 2").fetchone() == (2,)


def test_up_after_everything_was_killed_loses_nothing(stack: StackSettings) -> None:
    with _database(stack) as link:
        link.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
        link.execute("INSERT INTO kept VALUES (3) ON CONFLICT DO NOTHING")
    with redis.Redis.from_url(_environment(stack)["TROMMEL_REDIS_URL"]) as client:
        client.set("kept", "yes")
    everything = find(stack.root)
    keeper = json.loads((stack.root / "stack.json").read_text())["supervisord_pid"]
    os.kill(keeper, signal.SIGKILL)  # first, or it would start the others again
    for process in everything:
        if process.is_running():
            process.kill()
    eventually(lambda: not find(stack.root), "all processes are gone")
    assert (stack.root / "postgres" / "data" / "postmaster.pid").exists(), "the stale lock this test is about"
    assert (stack.root / "run" / "supervisor.sock").exists()

    assert not up(stack, only=INFRASTRUCTURE).already_running

    with _database(stack) as link:
        assert link.execute("SELECT id FROM kept WHERE id = 3").fetchone() == (3,)
    with redis.Redis.from_url(_environment(stack)["TROMMEL_REDIS_URL"]) as client:
        assert client.get("kept") in {"yes", b"yes"}


def test_a_stale_lock_with_a_living_strangers_pid_does_no_harm(stack: StackSettings) -> None:
    down(stack)
    stranger = os.getpid()
    (stack.root / "postgres" / "data" / "postmaster.pid").write_text(
        f"{stranger}\n{stack.root}/postgres/data\n1\n{stack.port_base + 20}\n\n127.0.0.1\n\nready\n"
    )
    (stack.root / "run" / "supervisord.pid").write_text(f"{stranger}\n")
    up(stack, only=["postgres"])
    assert _pids(stack).keys() == {"postgres"}


def test_down_leaves_nothing_behind(stack: StackSettings) -> None:
    lines: list[str] = []
    done = down(stack, lines.append)
    assert done.stopped_count >= 4
    assert find(stack.root) == []
    assert [process.pid for process in done.processes if process.pid] == []
    assert not list(Path("/dev/shm").glob(f"{shared_memory_prefix(stack.root)}*"))
    assert not (stack.root / "stack.json").exists()
    assert [line for line in lines if "postgres" in line] == [lines[-1]], "the database is stopped last"
    assert "shut down" in (stack.root / "logs" / "postgres.log").read_text().splitlines()[-1]
    assert down(stack).stopped_count == 0


def test_down_without_supervisord_ends_the_orphans_too(stack: StackSettings) -> None:
    keeper = json.loads((stack.root / "stack.json").read_text())["supervisord_pid"]
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: all(process.state == "stopped" for process in status(stack)), "supervisord is gone")
    assert down(stack).stopped_count >= 3
    assert find(stack.root) == []


def test_a_part_with_a_url_is_not_started(stack: StackSettings, own_settings: StackSettings) -> None:
    urls = _environment(stack)
    settings = own_settings.model_copy(
        update={"database_url": urls["TROMMEL_DATABASE_URL"], "triton_url": urls["TROMMEL_TRITON_URL"]}
    )
    try:
        started = up(settings, only=INFRASTRUCTURE)
        states = {process.name: (process.state, process.embedded) for process in started.processes}
        assert states["postgres"] == ("reachable", False)
        assert states["triton"] == ("reachable", False)
        assert states["redis"] == ("running", True)
        assert not (settings.root / "postgres" / "data").exists()
        assert started.environment["TROMMEL_DATABASE_URL"] == urls["TROMMEL_DATABASE_URL"]
        secret = urls["TROMMEL_DATABASE_URL"].split(":")[2].split("@")[0]
        assert all(secret not in process.endpoint for process in started.processes)
    finally:
        down(settings)


def test_a_busy_port_is_one_line(own_settings: StackSettings) -> None:
    with socket.create_server(("127.0.0.1", own_settings.port_base + 21)):
        with pytest.raises(StackError) as caught:
            up(own_settings, only=["redis"])
        line = _one_line(caught.value)
        assert f"port {own_settings.port_base + 21} (redis) is in use by" in line
        assert f"process {os.getpid()}" in line
        assert "TROMMEL_PORT_BASE" in line
        checks = {check.name: check for check in preflight(own_settings)}
        assert not checks["ports"].ok
        assert checks["postgres"].ok
    assert find(own_settings.root) == []


def test_a_program_that_ends_at_start_is_reported_with_its_last_words(own_settings: StackSettings) -> None:
    (own_settings.root / "redis").mkdir(parents=True)
    (own_settings.root / "redis" / "appendonly.aof").write_text("this is no append-only file\n")
    with pytest.raises(StackError) as caught:
        up(own_settings, only=["redis"])
    line = _one_line(caught.value)
    assert line.startswith("redis exited at start: ")
    assert "Bad file format reading the append only file" in line
    assert line.endswith("redis.log")
    assert find(own_settings.root) == []


def test_a_missing_place_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError) as caught:
        up(StackSettings(data_dir=tmp_path / "no" / "such", port_base=free_port_base()), only=["redis"])
    assert "TROMMEL_DATA_DIR" in _one_line(caught.value)


@pytest.mark.parametrize("place", ["file", "/proc/1"])
def test_an_unwritable_place_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(StackError) as caught:
        up(StackSettings(data_dir=tmp_path / place, port_base=free_port_base()), only=["redis"])
    assert "cannot write in the data directory" in _one_line(caught.value)


def test_status_and_down_without_a_stack(tmp_path: Path) -> None:
    settings = StackSettings(data_dir=tmp_path / "never", port_base=free_port_base())
    assert {process.state for process in status(settings) if process.embedded} == {"stopped"}
    assert down(settings).stopped_count == 0
    assert not settings.root.exists()


def test_the_command_says_one_line_and_fails(own_settings: StackSettings) -> None:
    with socket.create_server(("127.0.0.1", own_settings.port_base + 20)):
        done = subprocess.run(
            [sys.executable, "-m", "services.embedded", "up", "--only", "postgres"],
            env={
                **os.environ,
                "TROMMEL_DATA_DIR": str(own_settings.data_dir),
                "TROMMEL_PORT_BASE": str(own_settings.port_base),
            },
            cwd=SOURCE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: port ")
    assert done.stderr.count("\n") == 1


def test_the_mark_is_not_handed_to_clients(stack: StackSettings) -> None:
    """A client that runs with the stack's environment must not be taken for a part of it."""
    assert MARKER not in _environment(stack)
