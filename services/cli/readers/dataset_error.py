"""What stops the reading of a whole file, as opposed to a bad row, which loses only itself."""

from __future__ import annotations

from services.cli.cli_error import CliError


class DatasetError(CliError):
    """A file cannot be read at all."""


class WrongFormatError(DatasetError):
    """A file is not of the format that it was said to be."""
