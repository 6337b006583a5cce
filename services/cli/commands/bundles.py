"""`trommel bundles`: what training made, and which of it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import options

app = typer.Typer(help="List bundles and choose the one that serves.", no_args_is_help=True)
_ACTIVATION_SECONDS = 120.0


@app.command("list", epilog=options.examples("trommel bundles list", "trommel bundles list --json"))
def list_bundles(
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most bundles to list.")] = 20,
    timeout_seconds: options.Timeout = 10.0,
    as_json: options.Json = False,
) -> None:
    """List bundles, newest first."""
    from trommel.training.v1.training_pb2 import ListBundlesRequest

    from services.cli.connection import run
    from services.cli.console import note, output, print_json
    from services.cli.stubs import training
    from services.cli.tables import table

    async def ask() -> Any:
        async with training() as service:
            return await service.ListBundles(ListBundlesRequest(page_size=limit), timeout=timeout_seconds)

    bundles = [_bundle_json(bundle) for bundle in run(ask()).bundles]
    if as_json:
        print_json({"bundles": bundles})
        return
    names = ["version", "state", "items", "parent_version", "created"]
    output().print(table(names, [[str(bundle[name] or "") for name in names] for bundle in bundles]))
    if not bundles:
        note("no bundles yet: trommel train")


@app.command("activate", epilog=options.examples("trommel bundles activate 20260101120000"))
def activate(
    version: Annotated[str, typer.Argument(help="Version to serve; an older one is a rollback.")],
    timeout_seconds: options.Timeout = _ACTIVATION_SECONDS,
    as_json: options.Json = False,
) -> None:
    """Make a bundle the one that serves."""
    from services.cli.console import output, print_json

    answer = _activated(version, timeout_seconds)
    if as_json:
        print_json({"bundle": _bundle_json(answer.bundle), "previous_version": answer.previous_version})
        return
    before = f" (before: {answer.previous_version})" if answer.previous_version else ""
    output().print(f"bundle {answer.bundle.version} serves{before}")


@app.command(
    "import",
    epilog=options.examples(
        "trommel bundles import bundles/20260101120000", "trommel bundles import bundles/20260101120000 --no-activate"
    ),
)
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory of a sealed bundle.")],
    no_activate: Annotated[bool, typer.Option("--no-activate", help="Do not let the bundle serve.")] = False,
    timeout_seconds: options.Timeout = _ACTIVATION_SECONDS,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Copy a bundle that was made elsewhere into the store of the stack on this machine, and let it serve.

    For example one that trommel evaluate --keep left. Every file is verified; doing it again changes nothing.
    """
    from services.cli.cli_error import CliError
    from services.cli.console import output, print_json
    from services.cli.data_directory import bundle_store
    from services.core.bundle import BundleError
    from services.core.bundle_copy import copy_bundle

    del data_dir  # its callback has chosen the directory
    store = bundle_store()
    try:
        manifest, is_new = copy_bundle(path, store)
    except BundleError as error:
        raise CliError(f"{path} cannot be imported: {error}") from error
    except OSError as error:
        raise CliError(f"cannot copy {path} to {store} ({error.strerror})") from error
    answer = None if no_activate else _activated(manifest.version, timeout_seconds)
    if as_json:
        state = "in_store" if answer is None else "active"
        print_json({"version": manifest.version, "path": str(store / manifest.version), "new": is_new, "state": state})
        return
    output().print(f"bundle {manifest.version} {'is' if is_new else 'was already'} in {store}", soft_wrap=True)
    if answer is None:
        output().print(f"let it serve with trommel bundles activate {manifest.version}")
    else:
        output().print(f"bundle {manifest.version} serves")


def _activated(version: str, timeout_seconds: float) -> Any:
    from trommel.training.v1.training_pb2 import ActivateBundleRequest

    from services.cli.connection import run
    from services.cli.stubs import training

    async def ask() -> Any:
        async with training() as service:
            return await service.ActivateBundle(ActivateBundleRequest(version=version), timeout=timeout_seconds)

    return run(ask())


def _bundle_json(bundle: Any) -> dict[str, Any]:
    from services.cli.times import iso_time

    state = type(bundle).State.Name(bundle.state).removeprefix("STATE_").lower()
    return {
        "version": bundle.version,
        "state": state,
        "items": bundle.item_count,
        "run_id": bundle.run_id,
        "parent_version": bundle.parent_version,
        "created": iso_time(bundle.create_time.ToMicroseconds()),
        "activated": iso_time(bundle.activate_time.ToMicroseconds()) if bundle.HasField("activate_time") else None,
        "metrics": dict(sorted(bundle.metrics.items())),
    }
