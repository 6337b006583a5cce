"""MovieLens-100K from its publisher, GroupLens: one zip file, checked before it is opened."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from services.cli.datasets import normal_form
from services.cli.datasets.archive_members import extract
from services.cli.datasets.fetch_error import FetchError
from services.cli.readers.movielens_films import parse_u_item

URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
ARCHIVE_SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
_LARGEST_BYTES = 16 << 20
# Short: without a network the other place is asked soon.
_TIMEOUT_SECONDS = 8.0
_CHUNK_BYTES = 1 << 16


def download(draft: Path, scratch: Path, url: str = URL, sha256: str = ARCHIVE_SHA256) -> str:
    """Download into `draft` in the normal form; return where it came from.

    Raises:
        FetchError: No network, another file than expected, or a damaged one.
    """
    archive = scratch / "ml-100k.zip"
    _download(url, archive, sha256)
    films, users = scratch / "u.item", scratch / "u.user"
    members = {"u.data": draft / "u.data", "u.item": films, "u.user": users}
    extract(archive, {f"ml-100k/{name}": path for name, path in members.items()}, _LARGEST_BYTES)
    parsed = [parse_u_item(line) for line in films.read_text("latin-1").splitlines() if line]
    normal_form.write_films(draft, [film for film in parsed if film is not None])
    normal_form.write_users(draft, [line.split("|") for line in users.read_text("latin-1").splitlines() if line])
    return url


def _download(url: str, path: Path, sha256: str) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310 - https
            while chunk := answer.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > _LARGEST_BYTES:
                    raise FetchError(f"the download is larger than {_LARGEST_BYTES >> 20} MiB")
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.URLError as error:
        raise FetchError(f"no answer: {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"the download broke off: {type(error).__name__}") from None
    if digest.hexdigest() != sha256:
        raise FetchError("the download is not the published file: the checksum differs")
