"""The data directory as the command sees it: where it is and what it keeps of data sets."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from services.cli.cli_error import CliError

DEFAULT = ".trommel"


def data_directory() -> Path:
    """Return the data directory: TROMMEL_DATA_DIR, which --data-dir sets, else .trommel in the current directory."""
    return Path(os.environ.get("TROMMEL_DATA_DIR") or DEFAULT).expanduser().resolve()


def choose_data_directory(given: Path | None) -> Path | None:
    """Make the directory that --data-dir names the one of this process and of what it starts."""
    if given is not None:
        os.environ["TROMMEL_DATA_DIR"] = str(given.expanduser().resolve())
    return given


def bundle_store() -> Path:
    """Return the bundle store: TROMMEL_BUNDLE_STORE, else that of the stack in the data directory, else its own."""
    given = os.environ.get("TROMMEL_BUNDLE_STORE")
    if given:
        return Path(given).expanduser().resolve()
    try:
        record = json.loads((data_directory() / "stack.json").read_text("utf-8"))
        return Path(record["environment"]["TROMMEL_BUNDLE_STORE"])
    except (OSError, ValueError, KeyError, TypeError):
        return data_directory() / "bundles"


def datasets_directory() -> Path:
    """Return the folder of the data sets, which exists afterwards.

    Raises:
        CliError: It cannot be made.
    """
    path = data_directory() / "datasets"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise CliError(
            f"cannot write in the data directory {path.parent} ({error.strerror}): set TROMMEL_DATA_DIR to another"
        ) from None
    return path


def dataset_name(text: str) -> str:
    """Return a name that is safe as a file name: lower case, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:100] or "dataset"


def holdout_file(name: str) -> Path:
    """Return where the held-out events of a data set are kept."""
    return datasets_directory() / f"{name}.holdout.jsonl"
