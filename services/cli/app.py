"""The `trommel` command: its groups, and the one place where a failure becomes a line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from services.cli.cli_error import CliError
from services.cli.commands import (
    backup,
    bundles,
    data,
    demo,
    doctor,
    evaluate,
    events,
    items,
    recommend,
    restore,
    similar,
    stack,
    train,
)
from services.cli.console import note
from services.cli.exit_codes import EPILOG, FAILED, INTERRUPTED, OK, USAGE
from services.plumbing.redaction import redacted

app = typer.Typer(
    name="trommel",
    help="Trommel recommends: candidates, ranking, feedback and training on one machine or as a client of a cluster.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (stack, doctor, backup, restore, train, recommend, similar, evaluate, demo):
    group.add_to(app)
app.add_typer(data.app, name="data")
app.add_typer(bundles.app, name="bundles")
app.add_typer(events.app, name="events")
app.add_typer(items.app, name="items")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("trommel"))
        raise typer.Exit


@app.callback()
def _trommel(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What comes before the command's name."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Every failure is one line on standard error."""
    try:
        code = typer.main.get_command(app).main(
            args=_with_json_target(arguments), prog_name="trommel", standalone_mode=False
        )
        sys.stdout.flush()
    except CliError as error:
        return _failed(str(error), error.exit_code)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path if context else 'trommel'} --help)" if error.exit_code == USAGE else ""
        return _failed(error.format_message().rstrip(".") + hint, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted", INTERRUPTED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            # The reader went away, as `head` does: nothing to say, and nowhere to say it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        return _unforeseen(error)
    except Exception as error:  # noqa: BLE001 - a person gets a line, never a stack trace
        return _unforeseen(error)
    if code == INTERRUPTED:
        note("error: interrupted")
    return code if isinstance(code, int) else OK


def _with_json_target(arguments: Sequence[str]) -> list[str]:
    """`evaluate --json` takes a file or, like every other command's --json, none: then it is standard output, "-"."""
    words = list(arguments)
    if words[:1] == ["evaluate"] and "--json" in words:
        after = words.index("--json") + 1
        if after == len(words) or (words[after].startswith("-") and words[after] != "-"):
            words.insert(after, "-")
    return words


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def _failed(message: str, code: int) -> int:
    text = redacted(" ".join(message.split()))
    if text:
        note(f"error: {text}")
    return code


def _unforeseen(error: Exception) -> int:
    if os.environ.get("TROMMEL_DEBUG"):
        raise error
    return _failed(f"{type(error).__name__}: {error} (set TROMMEL_DEBUG=1 to see where)", FAILED)


if __name__ == "__main__":
    main()
