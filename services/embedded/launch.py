"""Becomes one program of the stack: `python -m services.embedded.launch NAME`, run by supervisord.

It reads `programs.json` in its working directory (`<data>/run`), so that supervisord's own file holds no
password and no path, and does what has to be done at every start, also after a crash. Then it execs: the
process is called what it is. Standard library only, to start fast.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# Marks the processes of a stack with its data directory, so that they are found when supervisord is gone.
MARKER = "TROMMEL_STACK"
PROGRAM = "TROMMEL_PROGRAM"
PROGRAMS_FILE = "programs.json"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where the kernel has it


def models_with_versions(repository: Path) -> list[str]:
    """The models of a Triton repository that have a version directory, in order of name."""
    if not repository.is_dir():
        return []
    return sorted(
        model.name
        for model in repository.iterdir()
        if (model / "config.pbtxt").is_file()
        and any(version.name.isdigit() and version.is_dir() for version in model.iterdir())
    )


def pid_file(run_directory: Path, name: str) -> Path:
    """Where the program's process id is written at each start."""
    return run_directory / f"{name}.pid"


def remove_shared_memory(name_prefix: str) -> None:
    """Frees the shared memory that a killed Triton left behind."""
    for path in Path(_SHARED_MEMORY).glob(f"{name_prefix}*"):
        path.unlink(missing_ok=True)


def main(name: str) -> None:
    """Execs the program of that name."""
    program = json.loads(Path(PROGRAMS_FILE).read_text(encoding="utf-8"))[name]
    command: list[str] = program["command"]
    if repository := program.get("model_repository"):
        # In explicit mode Triton loads nothing by itself: name what training has published.
        command += [f"--load-model={model}" for model in models_with_versions(Path(repository))]
    if name_prefix := program.get("shared_memory_prefix"):
        remove_shared_memory(name_prefix)
    pid_file(Path(), name).write_text(str(os.getpid()), encoding="ascii")  # exec keeps it
    os.chdir(program["directory"])
    try:
        os.execve(command[0], command, {**os.environ, **program["environment"], PROGRAM: name})  # noqa: S606 - exec is the point
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1])
