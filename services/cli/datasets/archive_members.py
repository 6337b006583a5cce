"""Named files out of a zip archive: only those, only by their own names, and never larger than expected."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from services.cli.datasets.fetch_error import FetchError

_CHUNK_BYTES = 1 << 16


def extract(archive: Path, members: Mapping[str, Path], largest_bytes: int) -> None:
    """Write members of an archive to paths that the caller chooses: nothing in the archive names a place on disk.

    Args:
        archive: A zip file; wheels are zip files too.
        members: Destination of each member.
        largest_bytes: Most bytes of one member once unpacked, whatever the archive says about it.

    Raises:
        FetchError: The archive is damaged, lacks a member, or a member is too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for name, destination in members.items():
                with opened.open(name) as source, destination.open("wb") as target:
                    size = 0
                    while chunk := source.read(_CHUNK_BYTES):
                        size += len(chunk)
                        if size > largest_bytes:
                            raise FetchError(f"{name} is larger than {largest_bytes >> 20} MiB")
                        target.write(chunk)
    except KeyError as error:
        raise FetchError(f"the archive has no {str(error).split(repr(chr(39)))[0][:80]}") from None
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        # The last two: zipfile's words for an unknown compression, and for a password.
        raise FetchError(f"the archive cannot be read: {error}") from None
