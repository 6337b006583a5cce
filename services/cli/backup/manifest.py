"""The manifest of a backup: what is in it, and the SHA-256 sum of every part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from services.cli.cli_error import CliError
from services.core.bundle import FileEntry

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
_IDENTIFIER = re.compile("[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table: its columns in the order of the rows' fields, how many rows, and the parts that hold them."""

    columns: tuple[str, ...]
    rows: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """A backup's table of contents.

    revision is the schema's. sequences: the next value of each. pointer: that of the bundle store, as its file has
    it, or None. bundles: versions whose files are here. files: every member but the manifest.
    """

    created_at: str
    trommel_version: str
    revision: str
    tables: Mapping[str, TableEntry]
    sequences: Mapping[str, int]
    pointer: Mapping[str, Any] | None
    bundles: tuple[str, ...]
    files: Mapping[str, FileEntry]
    format: int = FORMAT

    @property
    def row_count(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    def to_json(self) -> str:
        """The text of MANIFEST."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> BackupManifest:
        """Parse it. Raises CliError for what is no manifest of this format."""
        try:
            raw = json.loads(text)
            if raw["format"] != FORMAT:
                raise CliError(f"the backup has format {raw['format']}, this version reads {FORMAT}: use a newer one")
            return cls(
                created_at=str(raw["created_at"]),
                trommel_version=str(raw["trommel_version"]),
                revision=str(raw["revision"]),
                tables={_identifier(name): _table(entry) for name, entry in raw["tables"].items()},
                sequences={_identifier(name): int(value) for name, value in raw["sequences"].items()},
                pointer=raw["pointer"],
                bundles=tuple(raw["bundles"]),
                files={_path(name): FileEntry(**entry) for name, entry in raw["files"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CliError("the backup's table of contents cannot be read: take another backup") from error


def _table(raw: Mapping[str, Any]) -> TableEntry:
    return TableEntry(tuple(map(_identifier, raw["columns"])), int(raw["rows"]), tuple(raw["parts"]))


def _identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(name)
    return name


def _path(name: str) -> str:
    # A backup may come from anywhere: no member may name a file outside of the place it is put.
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name:
        raise ValueError(name)
    return name
