"""Stops a command's own stack when the command is killed: `python -m services.cli.evaluation.stack_watch ROOT`.

The kernel tells, and tells a SIGKILL too: the command holds the only writing end of the watch's standard input, and the
end of the command, whichever it is, ends that input. If the data directory is still there then, nobody has stopped the
stack in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.embedded import StackError, down, load_settings

_ATTEMPTS = 30
_WAIT_SECONDS = 1.0


@contextmanager
def watched(root: Path) -> Iterator[None]:
    """Have a process of its own stop the stack in ``root`` and remove it, should this process be killed inside."""
    command = (sys.executable, "-P", "-m", "services.cli.evaluation.stack_watch", str(root))
    # The packages of this checkout, also where it is not installed.
    search = os.pathsep.join(part for part in (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")) if part)
    # A session of its own: what the terminal ends is this command.
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": search},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            # The command lives and stops the stack itself.
            with contextlib.suppress(OSError):
                process.kill()


def main(root: Path) -> None:
    """Wait for the end of the input, then leave nothing."""
    sys.stdin.buffer.read()
    settings = load_settings(data_dir=root)
    for _ in range(_ATTEMPTS):
        if not root.is_dir():
            return
        with contextlib.suppress(StackError):  # the command's last child may hold the directory for a moment
            down(settings)
            shutil.rmtree(root, ignore_errors=True)
            return
        time.sleep(_WAIT_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
