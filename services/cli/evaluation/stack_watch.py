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
from services.embedded.leftovers import find

_PATIENCE_SECONDS = 120.0
# A process of its own, which does nothing but look, until it has seen nothing so often.
_LOOK_SECONDS = 0.5
# What the command was starting at that moment may come late: so many looks must find nothing.
_LOOKS = 3


@contextmanager
def watched(root: Path) -> Iterator[None]:
    """Have a process of its own stop the stack in ``root`` and remove it, should this process be killed inside."""
    command = (sys.executable, "-P", "-m", "services.cli.evaluation.stack_watch", str(root))
    # Another stack's TROMMEL_* are nothing to this one. The packages are those of this checkout, also where it is not
    # installed.
    own = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    search = (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", ""))
    # A session of its own: what the terminal ends is this command.
    with subprocess.Popen(
        command,
        env=own | {"PYTHONPATH": os.pathsep.join(filter(None, search))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            # The command lives, and has stopped and removed the stack itself.
            process.kill()


def main(root: Path) -> None:
    """Wait for the end of the input, then leave nothing."""
    sys.stdin.buffer.read()
    until = time.monotonic() + _PATIENCE_SECONDS
    looks = 0
    while looks < _LOOKS and time.monotonic() < until:
        if root.is_dir() or find(root):
            looks = 0
            _remove(root)
        else:
            looks += 1
        time.sleep(_LOOK_SECONDS)


def _remove(root: Path) -> None:
    # Refused while the command's last child holds the directory: the next look tries again.
    with contextlib.suppress(StackError):
        # Also where the command had not come so far: the folder with the lock is what `down` goes by.
        (root / "run").mkdir(parents=True, exist_ok=True)
        down(load_settings(data_dir=root))
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
