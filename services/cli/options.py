"""Options that several commands share, so that one word means one thing everywhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from services.cli.data_directory import choose_data_directory
from services.cli.exit_codes import EPILOG

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and only JSON, on standard output.")]
Scenario = Annotated[str, typer.Option("--scenario", help="Surface or domain; empty means default.")]
Timeout = Annotated[float, typer.Option("--timeout-seconds", min=0.001, help="Longest wait for an answer.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        callback=choose_data_directory,
        help="Data directory; else TROMMEL_DATA_DIR, else .trommel.",
    ),
]
WithoutBundles = Annotated[
    bool, typer.Option("--without-bundles", help="The database alone: bundles are kept elsewhere, or trained again.")
]
User = Annotated[str, typer.Option("--user", "-u", help="User id; - reads it from standard input.")]

# What fits the wire's int32: a larger number is as wrong as the largest, and the server says what is right.
_INT32_MAX = 2**31 - 1


def user_id(given: str) -> str:
    """Return the user id; for "-" all of standard input without its last line end."""
    return sys.stdin.read().removesuffix("\n") if given == "-" else given


def int32(value: int) -> int:
    """Return the number nearest to `value` that an int32 can carry to the server, which judges it."""
    return max(-_INT32_MAX - 1, min(_INT32_MAX, value))


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Return what "key=value" words say, the last of a key. Raises CliError for a word without a key."""
    from services.cli.cli_error import CliError
    from services.cli.exit_codes import USAGE

    found = [word.partition("=") for word in given]
    if not all(key and sign for key, sign, _ in found):
        raise CliError(f"{option} wants KEY=VALUE, such as age=34", USAGE)
    return {key: value for key, _, value in found}


def examples(*lines: str) -> str:
    """Return a help epilog with examples and the exit codes."""
    return "\n\n".join(("[bold]Examples[/bold]", *(f"  {line}" for line in lines), EPILOG))
