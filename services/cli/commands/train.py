"""`trommel train`: from what is recorded to a bundle that serves."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli import options


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "train",
        epilog=options.examples(
            "trommel train",
            "trommel train --warm-start --max-epochs 5",
            "trommel train --detach --json",
            "trommel train --follow RUN_ID",
        ),
    )(train)


def train(
    warm_start: Annotated[bool, typer.Option("--warm-start", help="Start from the active bundle's weights.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    max_epochs: Annotated[int, typer.Option(help="Most epochs of the Transformer; 0 means the default.")] = 0,
    no_activate: Annotated[bool, typer.Option("--no-activate", help="Do not let the new bundle serve.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Queue the run and return.")] = False,
    follow: Annotated[str | None, typer.Option(metavar="RUN_ID", help="Start nothing; follow this run.")] = None,
    as_json: options.Json = False,
) -> None:
    """Train on what is recorded, export, and let the new bundle serve. Ctrl-C stops following, not the run."""
    from services.cli.cli_error import CliError
    from services.cli.connection import run
    from services.cli.console import note, output, print_json
    from services.cli.runs import follow_run, run_json, start_run

    async def work() -> dict[str, object]:
        run_id = follow or await start_run(
            seed=seed, warm_start=warm_start, max_epochs=options.int32(max_epochs), skip_activation=no_activate
        )
        if detach:
            return {"id": run_id, "state": "queued"}
        if not follow:
            note(f"run {run_id}; it goes on without this command, see it again with trommel train --follow {run_id}")
        return run_json(await follow_run(run_id))

    result = run(work())
    if as_json:
        print_json(result)
    elif detach:
        output().print(f"run {result['id']} is queued; follow it with trommel train --follow {result['id']}")
    if result["state"] == "failed":
        raise CliError(
            f"run {result['id']} failed: {result['error'] or 'the worker log in the data directory says why'}"
        )
    if not as_json and not detach:
        output().print(f"bundle {result['bundle_version']} is ready{'' if no_activate else ' and serves'}")
