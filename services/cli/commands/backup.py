"""`trommel backup`: everything that cannot be made again, as one file, while the services go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import options

if TYPE_CHECKING:
    from services.cli.backup.manifest import BackupManifest
    from services.cli.backup.parts import Stores


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    lines = ("trommel backup /backups", "trommel backup before-upgrade.tar", "trommel backup /backups --json")
    app.command("backup", epilog=options.examples(*lines))(backup)


def backup(
    path: Annotated[Path, typer.Argument(metavar="FILE_OR_DIR", help="New file; in a directory, trommel-TIME.tar.")],
    without_bundles: options.WithoutBundles = False,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Write one file with the database as it is at one moment, and the bundles that serve. Nothing need stop.

    What Redis holds is not in it: histories are rebuilt from the database. Passwords are not in it either. The file
    (mode 0600) appears whole or not at all.
    """
    import time
    from datetime import UTC, datetime

    from services.cli.backup.archive_writer import choose_target
    from services.cli.backup.parts import stores_to_read
    from services.cli.commands.stack import stack_errors
    from services.cli.console import output, print_json
    from services.cli.ending import ends_orderly
    from services.embedded.settings import load_settings

    started = time.monotonic()
    target = choose_target(path, datetime.now(UTC).strftime("%Y%m%d%H%M%S"))
    with stack_errors(), ends_orderly(), stores_to_read(load_settings(data_dir=data_dir)) as stores:
        manifest = _write(target, stores, with_bundles=not without_bundles)
    seconds = time.monotonic() - started
    if as_json:
        print_json(summary(manifest) | {"path": str(target), "bytes": target.stat().st_size, "seconds": seconds})
        return
    rows = ", ".join(f"{table.rows:,} {name}" for name, table in manifest.tables.items() if table.rows) or "no rows"
    output().print(f"{target}: {target.stat().st_size / 1e6:,.1f} MB in {seconds:.1f} s", soft_wrap=True)
    output().print(f"{rows}; bundles: {', '.join(manifest.bundles) or 'none'}", soft_wrap=True)


def summary(manifest: BackupManifest) -> dict[str, Any]:
    """Return what a backup holds, as backup and restore print it in JSON."""
    return {
        "created_at": manifest.created_at,
        "trommel_version": manifest.trommel_version,
        "schema_revision": manifest.revision,
        "rows": {name: table.rows for name, table in manifest.tables.items()},
        "bundles": list(manifest.bundles),
        "active_bundle": None if manifest.pointer is None else manifest.pointer["version"],
    }


def _write(target: Path, stores: Stores, *, with_bundles: bool) -> BackupManifest:
    import importlib.metadata
    from datetime import UTC, datetime

    from services.cli.backup.archive_writer import writing
    from services.cli.backup.bundle_files import add_bundles
    from services.cli.backup.database_dump import dump_tables, read_state, snapshot
    from services.cli.backup.manifest import BackupManifest
    from services.cli.console import note
    from services.cli.progress import progress

    with writing(target) as writer, snapshot(stores.database_url) as connection:
        state = read_state(connection, stores.tenant)
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        if state.strangers:
            note(f"not in the backup, for they are not Trommel's: {', '.join(state.strangers)}")
        pointer: dict[str, object] | None = None
        bundles: tuple[str, ...] = ()
        # Bundles first: what serves now may be removed when two more went live.
        if with_bundles:
            with progress("bundles", None, "files") as shown:
                pointer, bundles = add_bundles(writer, stores.bundle_store, state.active, shown.update, note)
        with progress("backing up", None, "rows") as shown:
            tables = dump_tables(connection, writer, shown.update)
        return writer.seal(
            lambda files: BackupManifest(
                created_at=created_at,
                trommel_version=importlib.metadata.version("trommel"),
                revision=state.revision,
                tables=tables,
                sequences=state.sequences,
                pointer=pointer,
                bundles=bundles,
                files=files,
            )
        )
