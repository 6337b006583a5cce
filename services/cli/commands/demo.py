"""`trommel demo`: the whole story on films people know, from nothing to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli import options
from services.cli.commands.stack import PortBase

_DATA_DIRECTORY = Path(".trommel-demo")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog=options.examples("trommel demo", "trommel demo --keep --port-base 7500"))(demo)


def demo(
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Its own data directory.")] = _DATA_DIRECTORY,
    port_base: PortBase = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running at the end.")] = False,
    max_epochs: Annotated[int, typer.Option(help="Most epochs of the first training; 0 means the default.")] = 0,
) -> None:
    """Fetch MovieLens-100K, start everything, import, train, recommend, click, measure, train again under traffic."""
    from services.cli.demo.story import tell

    tell(data_dir, port_base, keep=keep, max_epochs=max_epochs)
