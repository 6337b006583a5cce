"""Restarts Triton when the process behind one of its models has died: `python -m services.embedded.triton_watch`.

Triton's Python backend runs each model version in a stub process. When a stub is killed (by the kernel for
memory, say), Triton goes on calling the version ready, and every call to it fails after a second, for ever.
This looks once a second, and kills the server where a version that Triton calls ready has no stub; supervisord
then starts it again, with its models. Standard library only: it runs all the time and should weigh little.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path

from services.embedded.launch import pid_file

_POLL_SECONDS = 1.0
# A version that is being unloaded loses its stub a moment before or after it stops being ready.
_LOOKS_BEFORE_KILL = 2
_STUB = "triton_python_backend_stub"

Version = tuple[str, str]


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


def is_called_ready(http_endpoint: str, version: Version) -> bool:
    """Whether Triton calls the version ready; False where it does not answer."""
    url = f"http://{http_endpoint}/v2/models/{version[0]}/versions/{version[1]}/ready"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def watch(run_directory: Path, http_endpoint: str) -> None:
    """Looks for ever. Never ends a server for a version that it never saw running."""
    server_pid = 0
    seen: set[Version] = set()
    missing: dict[Version, int] = {}
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            pid = int(pid_file(run_directory, "triton").read_text())
        except (OSError, ValueError):
            continue
        if pid != server_pid:
            server_pid, seen, missing = pid, set(), {}
        running = stubs_of(pid)
        seen |= running
        gone = {version for version in seen - running if is_called_ready(http_endpoint, version)}
        missing = {version: missing.get(version, 0) + 1 for version in gone}
        seen -= {version for version in seen - running if version not in gone}
        if any(looks >= _LOOKS_BEFORE_KILL for looks in missing.values()):
            names = ", ".join(f"{model} {version}" for model, version in sorted(missing))
            sys.stdout.write(f"the process behind {names} is gone: restarting Triton\n")
            sys.stdout.flush()
            # Not SIGTERM: the server would wait for the dead stub and refuse calls meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), sys.argv[2])
