"""`python -m services.embedded up|down|status|preflight|environment`: the stack without the `trommel` command."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys

from services.embedded import StackError, StackStatus, down, preflight, status, up
from services.embedded.data_directory import read_record
from services.embedded.settings import StackSettings, load_settings


def main() -> int:
    """Returns the exit code: 0 done, 1 a StackError, 2 a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m services.embedded")
    parser.add_argument("command", choices=("up", "down", "status", "preflight", "environment"))
    parser.add_argument("--data-dir")
    parser.add_argument("--port-base", type=int)
    parser.add_argument("--only", help="comma-separated parts, such as postgres,redis,triton")
    options = parser.parse_args()
    try:
        settings = load_settings(data_dir=options.data_dir, port_base=options.port_base)
        return _run(options.command, settings, options.only)
    except StackError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("error: interrupted")
        return 130


def _run(command: str, settings: StackSettings, only: str | None) -> int:
    if command == "up":
        done = up(settings, _say, only=only.split(",") if only else None)
        if done.already_running:
            _say(f"the stack in {done.data_dir} is already running")
        _print(done)
    elif command == "down":
        done = down(settings, _say)
        _say("stopped" if done.stopped_count else f"nothing runs in {done.data_dir}")
    elif command == "status":
        _print(StackStatus(settings.root, status(settings)))
    elif command == "environment":
        for name, value in read_record(settings.root).get("environment", {}).items():
            _write(f"export {name}={shlex.quote(str(value))}")
    else:
        checks = preflight(settings)
        for check in checks:
            hint = f": {check.hint}" if check.hint else ""
            _write(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.message}{hint}")
        return 0 if all(check.ok for check in checks) else 1
    return 0


def _print(report: StackStatus) -> None:
    for process in report.processes:
        uptime = f"{process.uptime_seconds:.0f} s" if process.uptime_seconds is not None else ""
        _write(f"{process.name:11} {process.state:11} {process.pid or '':>8} {uptime:>8} {process.endpoint}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _write(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the reader (head, grep -q) has seen enough
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
