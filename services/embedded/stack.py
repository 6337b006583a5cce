"""`up`, `down` and `status` of the one-machine stack."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from services.embedded import data_directory, keeper, leftovers, postgres, redis_server, triton
from services.embedded.environment import client_environment
from services.embedded.ports import check_free, ports_of
from services.embedded.programs import (
    ALL,
    SERVICES,
    START_STAGES,
    STOP_STAGES,
    TRITON_WATCH,
    Program,
    choose,
    endpoint,
    service_program,
    with_watch,
)
from services.embedded.readiness import is_reachable
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError
from services.embedded.stack_status import ProcessStatus, Progress, StackStatus, silent
from services.embedded.supervisor_client import SupervisorClient

_MIGRATION_TIMEOUT_SECONDS = 300
_DEFAULT_PORTS = {"postgres": 5432, "redis": 6379, "triton": 8001}


def up(settings: StackSettings, on_progress: Progress = silent, *, only: Iterable[str] | None = None) -> StackStatus:
    """Starts what does not run yet and returns when it answers. What runs is left alone.

    Args:
        settings: of the stack.
        on_progress: told a line at each step.
        only: the wanted parts (see programs.ALL); all by default. Parts with a URL are never started.

    Raises:
        StackError: one line that says what is wrong and what to do. What this call started is stopped again.
    """
    wanted = with_watch(name for name in choose(only) if settings.external_url(name) is None)
    data_directory.prepare(settings)
    with data_directory.exclusive(settings.root):
        client = keeper.connect(settings.root)
        if client is None:
            _sweep(settings.root, on_progress)
            return _start(settings, wanted, None, on_progress)
        with client:
            running = _running(client)
            recorded = _recorded(settings)
            if recorded.port_base != settings.port_base and set(wanted) - running:
                raise StackError(
                    f"the stack in {settings.root} runs with port base {recorded.port_base}",
                    f"set TROMMEL_PORT_BASE={recorded.port_base}, or stop it first (trommel down)",
                )
            if set(wanted) <= running:
                return StackStatus(
                    settings.root,
                    status(settings),
                    already_running=True,
                    environment=client_environment(recorded),
                )
            return _start(settings, wanted, client, on_progress)


def down(settings: StackSettings, on_progress: Progress = silent) -> StackStatus:
    """Stops everything, what answers callers first and PostgreSQL last, and leaves no process behind."""
    root = settings.root
    if not (root / "run").is_dir():
        return StackStatus(root, status(settings))
    with data_directory.exclusive(root):
        count = 0
        if client := keeper.connect(root):
            with client, contextlib.suppress(OSError, xmlrpc.client.Error):  # killed meanwhile: swept below
                count += _stop(client, on_progress)
            on_progress = silent  # what is swept now are these programs' last children, not another stack
        count += _sweep(root, on_progress)
    return StackStatus(root, status(settings), stopped_count=count)


def status(settings: StackSettings) -> list[ProcessStatus]:
    """Every part's state now. Never waits for a start, never fails because nothing runs."""
    kept = {}
    if client := keeper.connect(settings.root):
        with client, contextlib.suppress(OSError, xmlrpc.client.Error):  # it is just ending
            kept = client.processes()
    recorded = _recorded(settings)
    report = []
    for name in ALL:
        if url := recorded.external_url(name):
            report.append(_external(name, url))
            continue
        process = kept.get(name)
        alive = process is not None and process.pid is not None
        report.append(
            ProcessStatus(
                name=name,
                state=process.state if process else "stopped",
                pid=process.pid if process else None,
                uptime_seconds=max(0.0, process.now - process.started_at) if process and alive else None,
                endpoint=endpoint(name, recorded.port_base),
                embedded=True,
            )
        )
    return report


def _start(
    settings: StackSettings, wanted: list[str], client: SupervisorClient | None, on_progress: Progress
) -> StackStatus:
    running = _running(client) if client else set()
    missing = [name for name in wanted if name not in running]
    check_free(missing, settings.port_base)
    names = [name for name in with_watch(ALL) if name in running or name in missing]
    programs = _programs(settings, names, on_progress)
    keeper.configure(settings.root, programs)
    own = client is None
    client = client or keeper.start_supervisord(settings.root)
    try:
        client.take_configuration()
        for stage in START_STAGES:
            keeper.start(client, [name for name in stage if name in missing], settings, on_progress)
            if "postgres" in stage:
                _prepare_database(settings, missing, on_progress)
        _record(settings, client)
    except BaseException as error:
        on_progress("stopping what was started")
        with contextlib.suppress(OSError, xmlrpc.client.Error):  # it may be gone; what it left is swept below
            for stage in STOP_STAGES:
                keeper.stop(client, [name for name in stage if name in missing])
        if own:
            keeper.end(client)
            leftovers.stop(leftovers.find(settings.root))
            leftovers.clean(settings.root)
        if isinstance(error, (OSError, xmlrpc.client.Error)):
            raise StackError(
                f"supervisord went away while the stack was starting ({error})",
                f"run it again, and see {settings.root / 'logs' / 'supervisord.log'}",
            ) from None
        raise
    finally:
        if own:
            client.__exit__(None, None, None)
    return StackStatus(settings.root, status(settings), environment=client_environment(settings))


def _programs(settings: StackSettings, names: list[str], on_progress: Progress) -> list[Program]:
    programs = []
    for name in names:
        if name == "postgres":
            programs.append(postgres.program(settings, on_progress))
        elif name == "redis":
            programs.append(redis_server.program(settings))
        elif name == "triton":
            programs.append(triton.program(settings, on_progress))
        elif name == TRITON_WATCH:
            programs.append(triton.watch_program(settings))
        else:
            programs.append(service_program(name, settings, client_environment(settings)))
    return programs


def _prepare_database(settings: StackSettings, missing: list[str], on_progress: Progress) -> None:
    if "postgres" in missing:
        try:
            postgres.provision(settings)
        except psycopg.Error as error:
            raise StackError(
                f"the database cannot be prepared ({error})", f"see {settings.root / 'logs' / 'postgres.log'}"
            ) from None
    if not set(missing) & set(SERVICES):
        return
    on_progress("bringing the database schema up to date")
    command = (sys.executable, "-P", "-m", "services.plumbing.migrate")
    try:
        done = subprocess.run(
            command,
            env=client_environment(settings) | {"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=_MIGRATION_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError("the database migrations did not end in time", "see the database's log") from None
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["no message"]
        raise StackError(f"the database migrations failed: {lines[-1]}")


def _stop(client: SupervisorClient, on_progress: Progress) -> int:
    count = 1  # supervisord itself
    for stage in STOP_STAGES:
        kept = client.processes()
        if alive := [name for name in stage if name in kept and kept[name].pid]:
            on_progress(f"stopping {', '.join(alive)}")
        count += len(keeper.stop(client, stage))
    keeper.end(client)
    return count


def _sweep(root: Path, on_progress: Progress) -> int:
    """Ends what a killed stack left running and removes its stale files."""
    found = leftovers.find(root)
    if found:
        on_progress(f"stopping {len(found)} processes that an earlier stack left behind")
        leftovers.stop(found)
        left = leftovers.find(root)
        if left:
            raise StackError(
                f"process {left[0].pid} ({left[0].name()}) of an earlier stack in {root} does not end",
                f"end it with: kill -9 {left[0].pid}",
            )
    leftovers.clean(root)
    return len(found)


def _running(client: SupervisorClient) -> set[str]:
    return {name for name, process in client.processes().items() if process.state in {"running", "starting"}}


def _record(settings: StackSettings, client: SupervisorClient) -> None:
    """Writes stack.json, by which clients find this stack. Its pids are those of this moment."""
    kept = client.processes()
    record = {
        "data_dir": str(settings.root),
        "started_at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "port_base": settings.port_base,
        "external_urls": {
            name: url for name in ("postgres", "redis", "triton") if (url := settings.external_url(name))
        },
        "supervisord_pid": client.pid(),
        "processes": {
            name: {
                "pid": process.pid,
                "endpoint": endpoint(name, settings.port_base),
                "ports": ports_of(name, settings.port_base),
                "log": str(settings.root / "logs" / f"{name}.log"),
            }
            for name, process in kept.items()
        },
        "environment": client_environment(settings),
    }
    data_directory.write_private(settings.root / "stack.json", json.dumps(record, indent=1) + "\n")


def _recorded(settings: StackSettings) -> StackSettings:
    """The settings that the running stack was started with, as far as they matter to its clients."""
    record = data_directory.read_record(settings.root)
    if not record:
        return settings
    urls = record.get("external_urls", {})
    return settings.model_copy(
        update={
            "port_base": record.get("port_base", settings.port_base),
            "database_url": urls.get("postgres"),
            "redis_url": urls.get("redis"),
            "triton_url": urls.get("triton"),
        }
    )


def _external(name: str, url: str) -> ProcessStatus:
    parts = urlsplit(url if "://" in url else f"//{url}")
    try:
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[name]
    except ValueError:
        host, port = "", 0
    reachable = bool(host and port) and is_reachable(host, port)
    return ProcessStatus(
        name=name,
        state="reachable" if reachable else "unreachable",
        pid=None,
        uptime_seconds=None,
        endpoint=f"{host}:{port}",
        embedded=False,
    )
