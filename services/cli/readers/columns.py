"""Which column holds what: the names in use, unless the caller says another."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.cli.readers.dataset_error import DatasetError

USUAL: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "user", "userId", "userid", "customer_id", "reviewerID"),
    "item": ("item_id", "item", "itemId", "itemid", "movieId", "movie_id", "product_id", "asin"),
    "time": ("time", "timestamp", "event_time", "unixReviewTime", "datetime", "created_at"),
    "value": ("value", "rating", "overall", "stars"),
    "type": ("type", "event_type", "event"),
    "title": ("title", "movie_title", "item_name", "name"),
    "text": ("text", "description", "plot"),
    "categories": ("categories", "category", "genres", "genre", "class"),
}
"""Names under which a column is looked for, best first."""


class Columns:
    """The columns of one file by what they hold."""

    def __init__(self, present: Collection[str], chosen: Mapping[str, str]) -> None:
        """Match the columns of a file.

        Raises:
            DatasetError: A column that the caller chose is not in the file.
        """
        self._names: dict[str, str] = {}
        for role, usual in USUAL.items():
            wanted = chosen.get(role)
            if wanted is not None and wanted in present:
                self._names[role] = wanted
            elif wanted is None:
                found = next((name for name in usual if name in present), None)
                if found is not None:
                    self._names[role] = found
        self._present = present

    def get(self, role: str) -> str | None:
        """Return the column's name, or None where the file has none."""
        return self._names.get(role)

    def need(self, role: str, where: object) -> str:
        """Return the column's name.

        Raises:
            DatasetError: The file has none.
        """
        name = self._names.get(role)
        if name is None:
            there = ", ".join(sorted(self._present)[:12])
            raise DatasetError(f"{where} has no {role} column: name it with --{role}-column (there are: {there})")
        return name

    def others(self) -> list[str]:
        """Return the columns that hold nothing known."""
        known = set(self._names.values())
        return [name for name in self._present if name not in known]
