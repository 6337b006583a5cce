"""Reads a backup: nothing of it is used before every part was found as the manifest promises."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.cli.backup.manifest import MANIFEST, MANIFEST_SUM, BackupManifest
from services.cli.cli_error import CliError
from services.cli.progress import progress

_CHUNK_BYTES = 1 << 20


class ArchiveReader:
    """A verified backup."""

    def __init__(self, tar: tarfile.TarFile, manifest: BackupManifest) -> None:
        self._tar = tar
        self.manifest = manifest

    def open(self, name: str) -> BinaryIO:
        """Return the stream of a member that the manifest names."""
        return _stream(self._tar, name)

    def names(self, folder: str) -> list[str]:
        """Return the members below a folder."""
        return [name for name in self.manifest.files if name.startswith(f"{folder}/")]


def choose_source(given: Path) -> Path:
    """Return the file to read: the path itself, or of a directory the newest backup in it. Raises CliError."""
    if not given.is_dir():
        return given
    found = sorted(given.glob("trommel-*.tar"))
    if not found:
        raise CliError(f"there is no trommel-*.tar in {given}: name the backup's file")
    return found[-1]


@contextmanager
def reading(path: Path) -> Iterator[ArchiveReader]:
    """Open and verify a backup.

    Raises:
        CliError: It cannot be read, is cut short, or was altered.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            yield ArchiveReader(tar, _verified(tar, path))
    except (tarfile.TarError, EOFError) as error:
        raise CliError(f"{path} is not a whole backup: it is cut short or was altered; take another one") from error
    except OSError as error:
        raise CliError(f"cannot read {path}: {error.strerror or error}") from error


def _verified(tar: tarfile.TarFile, path: Path) -> BackupManifest:
    members = {member.name: member for member in tar.getmembers()}
    if MANIFEST not in members or MANIFEST_SUM not in members:
        raise CliError(f"{path} is not a whole backup: it is cut short or something else; take another one")
    text = _stream(tar, MANIFEST).read()
    if _stream(tar, MANIFEST_SUM).read()[:64] != hashlib.sha256(text).hexdigest().encode():
        raise CliError(f"{path} was altered ({MANIFEST}): take another backup")
    manifest = BackupManifest.from_json(text.decode())
    wanted = {*manifest.files, MANIFEST, MANIFEST_SUM}
    if odd := sorted(wanted ^ set(members)):
        raise CliError(f"{path} was altered ({odd[0]} is missing or not in its table of contents): take another backup")
    total = sum(entry.bytes for entry in manifest.files.values())
    done = 0
    with progress("verifying", float(total), "bytes") as shown:
        for name, entry in manifest.files.items():
            digest = hashlib.sha256()
            stream = _stream(tar, name)
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                shown.update(done)
            if digest.hexdigest() != entry.sha256 or members[name].size != entry.bytes:
                raise CliError(f"{path} was altered ({name}): take another backup")
    return manifest


def _stream(tar: tarfile.TarFile, name: str) -> BinaryIO:
    stream = tar.extractfile(name)
    if stream is None:
        raise CliError(f"the backup was altered ({name} is no file): take another backup")
    return stream  # type: ignore[return-value]
