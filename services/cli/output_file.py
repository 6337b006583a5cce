"""Files that a person asked for: whether they can be written is said before the work, and they appear whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.exit_codes import USAGE


def check_outputs(paths: Iterable[Path | None]) -> None:
    """Raise CliError unless each of the paths can be written and no two are one file. Leaves nothing behind."""
    wanted = [path for path in paths if path is not None]
    for path in wanted:
        try:
            _check(path)
        except OSError as error:
            raise _cannot(path, error) from None
    files = [path.resolve() for path in wanted if _is_regular(path)]
    for path in files:
        if files.count(path) > 1:
            raise CliError(f"{path.name} is named for two outputs: give each a file of its own", USAGE)


def write_output(path: Path, parts: Iterable[str]) -> None:
    """Write UTF-8 text. A regular file is replaced at once, when all of it is on the disk. Raises CliError."""
    try:
        if not _is_regular(path):
            with path.open("w", encoding="utf-8") as stream:
                stream.writelines(parts)
            return
        path = path.resolve()
        draft = _draft(path)
        try:
            with draft.open("x", encoding="utf-8") as stream:
                stream.writelines(parts)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot(path, error) from None


def _check(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(0, "it is a directory")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(0, "it must not be written")
    if _is_regular(path):
        draft = _draft(path.resolve())
        draft.touch(exist_ok=False)
        draft.unlink()


def _is_regular(path: Path) -> bool:
    """Whether the path is, or will be, a plain file; a terminal, pipe or device is written as it stands."""
    return path.is_file() or not path.exists()


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{os.getpid()}.part")


def _cannot(path: Path, error: OSError) -> CliError:
    return CliError(f"cannot write {path}: {error.strerror}")
