"""`trommel up`, `down` and `status`: the one-machine stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import options

if TYPE_CHECKING:
    from services.embedded import ProcessStatus

PortBase = Annotated[int | None, typer.Option("--port-base", help="First port; else TROMMEL_PORT_BASE, else 7100.")]
_LOOK_SECONDS = 5.0


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up", epilog=options.examples("trommel up --detach", "trommel up --data-dir /srv/trommel"))(up)
    app.command("down", epilog=options.examples("trommel down"))(down)
    app.command("status", epilog=options.examples("trommel status", "trommel status --json"))(status)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when the stack answers.")] = False,
    data_dir: options.DataDir = None,
    port_base: PortBase = None,
    as_json: options.Json = False,
) -> None:
    """Start PostgreSQL, Redis, Triton, the services and the worker. Without --detach, stay and stop them on Ctrl-C."""
    from services.cli.console import note
    from services.embedded import down as stop
    from services.embedded import up as start
    from services.embedded.settings import load_settings

    with stack_errors():
        settings = load_settings(data_dir=data_dir, port_base=port_base)
        started = start(settings, note)
        _show(started.processes, as_json)
        if started.already_running:
            note(f"the stack in {started.data_dir} was running already")
            return
        if data_dir is not None:
            note(f"other commands find it with: export TROMMEL_DATA_DIR={started.data_dir}")
        if detach:
            return
        note("running; Ctrl-C stops it")
        stopped_itself = _wait_for_end(settings)
        stop(settings, note)
    if stopped_itself:
        from services.cli.cli_error import CliError

        raise CliError(f"the stack has stopped by itself: see the logs in {started.data_dir / 'logs'}")


def down(data_dir: options.DataDir = None, as_json: options.Json = False) -> None:
    """Stop everything that `trommel up` started; no process is left behind, and no data is lost."""
    from services.cli.console import note, output, print_json
    from services.embedded import down as stop
    from services.embedded.settings import load_settings

    with stack_errors():
        done = stop(load_settings(data_dir=data_dir), note)
    if as_json:
        print_json({"data_dir": str(done.data_dir), "stopped_processes": done.stopped_count})
    else:
        output().print("stopped" if done.stopped_count else f"nothing runs in {done.data_dir}", soft_wrap=True)


def status(data_dir: options.DataDir = None, as_json: options.Json = False) -> None:
    """Show every part of the stack. Fails when one of them does not run."""
    from services.cli.cli_error import CliError
    from services.embedded import status as look
    from services.embedded.settings import load_settings

    with stack_errors():
        processes = look(load_settings(data_dir=data_dir))
    _show(processes, as_json)
    away = [process.name for process in processes if process.state not in {"running", "reachable"}]
    if len(away) == len(processes):
        raise CliError("the stack is not running: start it with trommel up --detach")
    if away:
        raise CliError(f"not running: {', '.join(away)} (trommel doctor says more)")


@contextmanager
def stack_errors() -> Iterator[None]:
    """Turn a StackError into the error of the command."""
    from services.cli.cli_error import CliError
    from services.embedded import StackError

    try:
        yield
    except StackError as error:
        raise CliError(str(error)) from error


def _wait_for_end(settings: object) -> bool:
    """Wait for Ctrl-C or a request to end; True when the stack was gone before that."""
    import signal

    from services.embedded import status as look

    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        while signal.sigtimedwait(ends, _LOOK_SECONDS) is None:
            if all(process.state == "stopped" for process in look(settings) if process.embedded):  # type: ignore[arg-type]
                return True
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)


def _show(processes: list[ProcessStatus], as_json: bool) -> None:
    from dataclasses import asdict

    from services.cli.console import output, print_json
    from services.cli.tables import table

    if as_json:
        print_json({"processes": [asdict(process) for process in processes]})
        return
    rows = [
        [
            process.name,
            process.state,
            "" if process.pid is None else str(process.pid),
            "" if process.uptime_seconds is None else f"{process.uptime_seconds:.0f} s",
            process.endpoint if process.embedded else f"{process.endpoint} (elsewhere)",
        ]
        for process in processes
    ]
    output().print(table(["part", "state", "process", "up for", "listens at"], rows))
