"""Who the users of a data set are: MovieLens' `users.tsv` and RecBole's `.user`, a header and tab-separated columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from services.cli.readers.records import UserRecord
from services.cli.readers.text_lines import Line, text_lines

# A zip code is of hardly anybody but its owner, and no amount.
_LEFT_OUT = {"zip_code"}
_USER = "user_id"


def users_in(path: Path) -> Iterator[UserRecord]:
    """Yield the users of a file whose first column is the user's id; rows of another width are left out."""
    names: list[str] = []
    for line in text_lines(path):
        if not isinstance(line, Line):
            continue
        parts = line.text.split("\t")
        if not names:
            # RecBole's names have their type behind them: "age:token".
            names = [name.partition(":")[0] for name in parts]
            if names[0] != _USER:
                return
        elif len(parts) == len(names) and parts[0]:
            known = dict(zip(names[1:], parts[1:], strict=True))
            yield UserRecord(parts[0], {key: value for key, value in known.items() if value and key not in _LEFT_OUT})
