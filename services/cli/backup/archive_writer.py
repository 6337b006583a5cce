"""Writes a backup: one tar file, for its owner's eyes only, that appears whole under its name or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.cli.backup.manifest import MANIFEST, MANIFEST_SUM, BackupManifest
from services.cli.cli_error import CliError
from services.core.bundle import FileEntry


class ArchiveWriter:
    """Adds members and keeps their sums; `seal` writes the manifest, exactly once, as the last member but its sum."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, FileEntry] = {}
        self.sealed = False

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a member from memory."""
        self._add(name, io.BytesIO(content), len(content))
        self.files[name] = FileEntry(hashlib.sha256(content).hexdigest(), len(content))

    def add_file(self, name: str, path: Path) -> FileEntry:
        """Add a file as it is at this moment; return what was read. Raises OSError."""
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            hashing = _Hashing(stream)
            self._add(name, hashing, size)
        self.files[name] = FileEntry(hashing.digest.hexdigest(), size)
        return self.files[name]

    def seal(self, make: Callable[[dict[str, FileEntry]], BackupManifest]) -> BackupManifest:
        """Write the manifest that `make` makes of the members' sums."""
        manifest = make(dict(self.files))
        text = manifest.to_json().encode()
        self._add(MANIFEST, io.BytesIO(text), len(text))
        line = f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()
        self._add(MANIFEST_SUM, io.BytesIO(line), len(line))
        self.sealed = True
        return manifest

    def _add(self, name: str, stream: BinaryIO | io.BytesIO | _Hashing, size: int) -> None:
        information = tarfile.TarInfo(name)
        information.size, information.mode, information.mtime = size, 0o644, int(time.time())
        self._tar.addfile(information, stream)  # type: ignore[arg-type]


class _Hashing:
    """A stream that hashes what is read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read and hash."""
        content = self._stream.read(size)
        self.digest.update(content)
        return content


def choose_target(given: Path, now: str) -> Path:
    """Return the file to write: the path itself, or in a directory a new file named by the time.

    Raises:
        CliError: It is there already, or cannot be written.
    """
    target = given.resolve()
    if target.is_dir():
        target = target / f"trommel-{now}.tar"
    if target.exists():
        raise CliError(f"{target} is there already: name another file, or a directory")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise CliError(f"cannot write in {target.parent}: make that directory, or name another")
    return target


@contextmanager
def writing(target: Path) -> Iterator[ArchiveWriter]:
    """Write beside the target; flush and rename when the block has ended and what it wrote is sealed.

    Raises:
        CliError: The file cannot be written.
    """
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CliError(f"cannot write {target}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = ArchiveWriter(tar)
                yield writer
            stream.flush()
            os.fsync(stream.fileno())
        if writer.sealed:
            draft.replace(target)
            _flush(target.parent)
    except OSError as error:
        raise CliError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
