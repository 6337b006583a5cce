"""The held-out events of a data set: a file beside it, one JSON object a user."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.importing.preflight import HeldOut
from services.cli.times import iso_time


@dataclass(frozen=True, slots=True)
class HeldOutEvent:
    """The item that a user met last, which the stack has never been told."""

    user_id: str
    item_id: str
    time: str


def write_holdout(path: Path, held_out: Mapping[str, HeldOut]) -> None:
    """Write the file as a whole, or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        for user, event in held_out.items():
            row = {"user_id": user, "item_id": event.item_id, "time": iso_time(event.time_microseconds)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    draft.replace(path)


def read_holdout(path: Path) -> list[HeldOutEvent]:
    """Read the file.

    Raises:
        CliError: It is missing, or not such a file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.strip()]
        events = [HeldOutEvent(str(row["user_id"]), str(row["item_id"]), str(row.get("time", ""))) for row in rows]
    except OSError as error:
        raise CliError(
            f"cannot read {path} ({error.strerror}): write it with trommel data import … --holdout last"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CliError(f"{path} is no holdout file: one JSON object a line with user_id, item_id, time") from None
    if not events:
        raise CliError(f"{path} holds no events out")
    return events
