"""Mends what Triton does not mend itself: `python -m services.embedded.triton_watch RUN HTTP REPOSITORY`.

1. Its Python backend runs each model version in a stub process. When a stub is killed (by the kernel for
   memory, say), Triton goes on calling the version ready, and every call to it fails after a second, for ever.
   The watch then kills the server, and supervisord starts it again, with its models.
2. When the server starts and one version of a model cannot be read, it serves no version of that model. The
   watch sets the refused version aside (`.refused-VERSION`) and has the others loaded.

It looks once a second. Standard library only: it runs all the time and should weigh little.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from services.embedded.launch import pid_file
from services.embedded.triton_http import Version, is_called_ready, load, refused_versions

# A process of its own, which does nothing but look.
_POLL_SECONDS = 1.0
# A version that is being unloaded loses its stub a moment before or after it stops being ready.
_LOOKS_BEFORE_KILL = 2
_STUB = "triton_python_backend_stub"


def stubs_of(server_pid: int, proc: Path = Path("/proc")) -> set[Version]:
    """The (model, version) pairs whose stub runs as a child of the server."""
    found = set()
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            # "pid (name) state parent …"; a name may hold spaces and brackets
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) != server_pid or state == "Z":
                continue
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if words[0].endswith(_STUB):
                model, version = Path(words[1]).parts[-3:-1]  # …/<model>/<version>/model.onnx
                found.add((model, version))
    return found


def set_aside(repository: Path, version: Version) -> None:
    """Renames the version's directory so that Triton no longer sees it; its bundle keeps the files."""
    model, number = version
    target = repository / model / f".refused-{number}"
    shutil.rmtree(target, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        (repository / model / number).rename(target)


class Watch:
    """What has been seen of the server that runs now."""

    def __init__(self, run_directory: Path, http_endpoint: str, repository: Path) -> None:
        self._run_directory = run_directory
        self._http_endpoint = http_endpoint
        self._repository = repository
        self._begin(0)

    def _begin(self, server_pid: int) -> None:
        self._server_pid = server_pid
        self._start_is_checked = False
        self._seen: set[Version] = set()
        self._missing: dict[Version, int] = {}

    def look(self) -> None:
        """Looks once, and mends what needs it."""
        try:
            pid = int(pid_file(self._run_directory, "triton").read_text())
        except (OSError, ValueError):
            return
        if pid != self._server_pid:
            self._begin(pid)
        if not self._start_is_checked:
            self._check_start()
        self._check_stubs()

    def _check_start(self) -> None:
        """Once a server, when it answers: what it loaded by itself is settled then."""
        try:
            refused = refused_versions(self._http_endpoint)
        except OSError:
            return
        self._start_is_checked = True
        for version in refused:
            _say(f"{version[0]} {version[1]} cannot be loaded and is set aside")
            set_aside(self._repository, version)
        for model in sorted({model for model, _ in refused}):
            done = load(self._http_endpoint, model)
            _say(f"{model}: the other versions are {'loaded' if done else 'not loaded either'}")

    def _check_stubs(self) -> None:
        running = stubs_of(self._server_pid)
        self._seen |= running
        gone = {version for version in self._seen - running if is_called_ready(self._http_endpoint, version)}
        self._seen = running | gone
        self._missing = {version: self._missing.get(version, 0) + 1 for version in gone}
        if any(looks >= _LOOKS_BEFORE_KILL for looks in self._missing.values()):
            names = ", ".join(f"{model} {version}" for model, version in sorted(gone))
            _say(f"the process behind {names} is gone: restarting Triton")
            # Not SIGTERM: the server would wait for the dead stub and refuse calls meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._server_pid, signal.SIGKILL)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(run_directory: str, http_endpoint: str, repository: str) -> None:
    """Looks once a second, for ever."""
    watch = Watch(Path(run_directory), http_endpoint, Path(repository))
    while True:
        time.sleep(_POLL_SECONDS)
        watch.look()


if __name__ == "__main__":
    main(*sys.argv[1:])
