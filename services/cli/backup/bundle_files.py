"""The bundle store's side: what serves and what served before, with the text encoder beside them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from services.cli.backup.archive_reader import ArchiveReader
from services.cli.backup.archive_writer import ArchiveWriter
from services.cli.cli_error import CliError
from services.core.bundle import MANIFEST, BundleError, bundle_path, read_manifest
from services.core.bundle_copy import copy_bundle
from services.core.text_encoder_files import DESCRIPTION, FOLDER, TextEncoderDescription
from services.plumbing.bundle_pointer import BundlePointer, put_pointer, read_pointer

_BUNDLES = "bundles"


def add_bundles(
    writer: ArchiveWriter,
    store: Path,
    active: Iterable[str],
    on_file: Callable[[int, str], None],
    note: Callable[[str], None],
) -> tuple[dict[str, object] | None, tuple[str, ...]]:
    """Add the bundles that serve and the one before, each file as its bundle's manifest promises it.

    Args:
        writer: Takes the files.
        store: The bundle store.
        active: Versions that the database says serve.
        on_file: Told how many files are in, and the name of the next.
        note: Told what is left out, and why.

    Returns:
        The pointer, None without one, and the versions that were added.

    Raises:
        CliError: A bundle that serves is not whole.
    """
    try:
        pointer = read_pointer(store)
        wanted = {*active, *(() if pointer is None else (pointer.version,))}
        versions = [version for version in sorted(wanted) if _add_bundle(writer, store, version, on_file)]
        if missing := sorted(wanted - set(versions)):
            raise CliError(
                f"bundle {missing[0]} serves and is not in {store}: set TROMMEL_BUNDLE_STORE, or give --without-bundles"
            )
        before = None if pointer is None else pointer.previous
        if before and before not in wanted:
            if _add_bundle(writer, store, before, on_file):
                versions.append(before)
            else:
                note(f"bundle {before}, which served before, is not in the store any more: it is left out")
        _add_text_encoder(writer, store, on_file)
    except (BundleError, ValueError) as error:
        raise CliError(f"the bundle store {store} cannot be backed up: {error}") from error
    return None if pointer is None else asdict(pointer), tuple(sorted(versions))


def put_bundles(archive: ArchiveReader, store: Path) -> None:
    """Put the backup's bundles and text encoder into the store; what is there already stays. Raises CliError."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store, prefix=".restore-") as scratch:
            for version in archive.manifest.bundles:
                source = _extract(archive, f"{_BUNDLES}/{bundle_path(Path(), version)}", Path(scratch, version))
                copy_bundle(source, store)
            if archive.names(FOLDER):
                _put_text_encoder(_extract(archive, FOLDER, Path(scratch, FOLDER)), store, Path(scratch, "before"))
    except (BundleError, ValueError) as error:
        raise CliError(f"the backup's bundles cannot be put into {store}: {error}") from error
    except OSError as error:
        raise CliError(f"cannot write the bundle store {store} ({error.strerror or error})") from error


def point_as_before(archive: ArchiveReader, store: Path) -> None:
    """Let the store's pointer name what the backup's did. Raises CliError."""
    raw = archive.manifest.pointer
    if raw is None:
        return
    try:
        put_pointer(store, BundlePointer(str(raw["version"]), raw["previous"], str(raw["activated_at"])))
    except (OSError, KeyError) as error:
        raise CliError(f"cannot write the bundle store {store} ({error})") from error


def _add_bundle(writer: ArchiveWriter, store: Path, version: str, on_file: Callable[[int, str], None]) -> bool:
    path = bundle_path(store, version)
    if not path.is_dir():
        return False
    manifest = read_manifest(path)
    folder = f"{_BUNDLES}/{version}"
    try:
        for name, promised in manifest.files.items():
            on_file(len(writer.files), name)
            if writer.add_file(f"{folder}/{name}", path / name) != promised:
                raise CliError(f"bundle {version}: {name} was altered after it was sealed; train again")
        writer.add_file(f"{folder}/{MANIFEST}", path / MANIFEST)
    except FileNotFoundError as error:
        raise CliError(f"bundle {version} was removed while it was read, or is not whole: try again") from error
    return True


def _add_text_encoder(writer: ArchiveWriter, store: Path, on_file: Callable[[int, str], None]) -> None:
    folder = store / FOLDER
    if not (folder / DESCRIPTION).is_file():
        return
    before = TextEncoderDescription.load(folder)
    for file in sorted(folder.iterdir()):
        if file.is_file():
            on_file(len(writer.files), file.name)
            writer.add_file(f"{FOLDER}/{file.name}", file)
    if TextEncoderDescription.load(folder) != before:
        raise CliError("the text encoder was replaced while it was read: try again")


def _extract(archive: ArchiveReader, folder: str, target: Path) -> Path:
    for name in archive.names(folder):
        path = target / name.removeprefix(f"{folder}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as stream, path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    return target


def _put_text_encoder(source: Path, store: Path, aside: Path) -> None:
    target = store / FOLDER
    wanted = TextEncoderDescription.load(source)
    if target.is_dir():
        try:
            if TextEncoderDescription.load(target) == wanted:
                return
        except (OSError, ValueError):
            pass  # it is replaced by a whole one
        target.rename(aside)
    source.rename(target)
