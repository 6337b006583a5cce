"""`trommel bundles`: what training made, and which of it serves."""

from __future__ import annotations

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
    from trommel.training.v1.training_pb2 import ActivateBundleRequest

    from services.cli.connection import run
    from services.cli.console import output, print_json
    from services.cli.stubs import training

    async def ask() -> Any:
        async with training() as service:
            return await service.ActivateBundle(ActivateBundleRequest(version=version), timeout=timeout_seconds)

    answer = run(ask())
    if as_json:
        print_json({"bundle": _bundle_json(answer.bundle), "previous_version": answer.previous_version})
        return
    before = f" (before: {answer.previous_version})" if answer.previous_version else ""
    output().print(f"bundle {answer.bundle.version} serves{before}")


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
