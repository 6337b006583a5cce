"""Parquet: a file of events or of items, or a directory of both, read one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from services.cli.data_directory import dataset_name
from services.cli.readers.columns import Columns
from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.mappings import event_of, item_of
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord, ReadOptions

_BATCH_ROWS = 5_000
_MAGIC = b"PAR1"


def looks_like(path: Path) -> bool:
    """Whether a path is a parquet file, or a directory with such files."""
    return any(_is_parquet(file) for file in _files(path)[:1])


def open_dataset(path: Path, options: ReadOptions) -> Dataset:
    """Open a file, or all .parquet files of a directory; a file with a user column holds events, others items.

    Raises:
        DatasetError: A file cannot be read, or lacks a column.
        WrongFormatError: There are none.
    """
    files = _files(path)
    if not files or not all(map(_is_parquet, files)):
        raise WrongFormatError(f"{path} holds no parquet files")
    events, items = [], []
    for file in files:
        columns = Columns(_schema_names(file), options.columns)
        if columns.get("user") is None:
            columns.need("item", file.name) if "id" not in _schema_names(file) else None
            items.append((file, columns))
        else:
            columns.need("item", file.name)
            columns.need("time", file.name)
            events.append((file, columns))
    name = path.resolve().name if path.is_dir() else path.stem
    return Dataset(dataset_name(name), partial(_items, items), partial(_events, events, options.kind))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(path.glob("*.parquet"))


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _open(path: Path) -> Any:
    import pyarrow as arrow
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is not a readable parquet file: {str(error).splitlines()[0]}") from None


def _schema_names(path: Path) -> list[str]:
    return list(_open(path).schema_arrow.names)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as arrow

    number = 0
    with _open(path) as file:
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (arrow.ArrowException, OSError) as error:
            raise DatasetError(f"{path} ends or is damaged after row {number}: {str(error).splitlines()[0]}") from None


def _events(files: list[tuple[Path, Columns]], kind: str) -> Iterator[EventRecord | BadRow]:
    for path, columns in files:
        for line, row in _rows(path):
            yield event_of(line, row, columns, kind)


def _items(files: list[tuple[Path, Columns]]) -> Iterator[ItemRecord | BadRow]:
    for path, columns in files:
        for line, row in _rows(path):
            yield item_of(line, row, columns)
