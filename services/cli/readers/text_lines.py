"""Lines of a text file, plain or compressed, one at a time, however dirty the file is."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.cli.readers.dataset_error import DatasetError
from services.cli.readers.records import BadRow

LONGEST_LINE_BYTES = 1 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE_LINES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `number` counts from 1."""

    number: int
    text: str


def text_lines(
    path: Path, *, fallback_encoding: str | None = None, longest_bytes: int = LONGEST_LINE_BYTES
) -> Iterator[Line | BadRow]:
    """Yield the lines of a UTF-8 file, of a ``.gz``, or of the one file in a ``.zip``.

    Blank lines are left out, a line end may be LF or CRLF.

    Args:
        path: The file.
        fallback_encoding: How a line that is not UTF-8 is read; None makes it a bad row.
        longest_bytes: A longer line is a bad row, and never held in memory as a whole.

    Raises:
        DatasetError: The file cannot be opened, is empty or is UTF-16, or what is compressed is damaged.
    """
    try:
        with _opened(path) as file:
            yield from _lines(path, file, fallback_encoding, longest_bytes)
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
        # The last two: zipfile's words for an unknown compression, and for a password.
        raise DatasetError(f"{path} cannot be unpacked: {error}") from None
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            yield io.BufferedReader(file)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            if len(names) != 1:
                raise DatasetError(f"{path} holds {len(names)} files: unpack it and name the one to read")
            with archive.open(names[0]) as file:
                yield file
    else:
        with path.open("rb") as file:
            yield file


def sample(path: Path, fallback_encoding: str | None = None) -> list[str]:
    """Return the first lines of a file that can be read, to see what it is."""
    found = []
    for line in text_lines(path, fallback_encoding=fallback_encoding):
        if isinstance(line, Line):
            found.append(line.text)
        if line_number(line) >= _SAMPLE_LINES:
            break
    return found


def line_number(line: Line | BadRow) -> int:
    """Return where a line stands."""
    return line.number if isinstance(line, Line) else line.line


def _lines(path: Path, file: IO[bytes], fallback_encoding: str | None, longest_bytes: int) -> Iterator[Line | BadRow]:
    number = 0
    while raw := file.readline(longest_bytes + 1):
        number += 1
        if number == 1:
            if raw.startswith(_UTF16_MARKS):
                raise DatasetError(f"{path} is UTF-16 text: convert it first, for example with iconv -t UTF-8")
            raw = raw.removeprefix(_UTF8_MARK)
        if len(raw) > longest_bytes:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(longest_bytes)
            yield BadRow(number, f"line longer than {longest_bytes // 1024} KiB")
            continue
        raw = raw.rstrip(b"\r\n")
        if not raw.strip():
            continue
        try:
            yield Line(number, raw.decode("utf-8"))
        except UnicodeDecodeError:
            if fallback_encoding is None:
                yield BadRow(number, "not UTF-8 text")
            else:
                yield Line(number, raw.decode(fallback_encoding, errors="replace"))
    if number == 0:
        raise DatasetError(f"{path} is empty")
