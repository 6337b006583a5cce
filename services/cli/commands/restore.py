"""`trommel restore`: brings back what `trommel backup` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import options

if TYPE_CHECKING:
    from services.cli.backup.archive_reader import ArchiveReader
    from services.cli.backup.database_restore import Restored
    from services.cli.backup.parts import Stores


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    lines = ("trommel restore /backups", "trommel restore before-upgrade.tar --replace", "trommel restore x.tar --json")
    app.command("restore", epilog=options.examples(*lines))(restore)


def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE_OR_DIR", help="Backup; of a directory, the newest in it.")],
    replace: Annotated[bool, typer.Option("--replace", help="Lose what is in the database.")] = False,
    without_bundles: options.WithoutBundles = False,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Bring database and bundles back to the moment of a backup. The services must not run: trommel down first.

    Every part is verified first. The database changes in one transaction: a restore that ends half-way changes nothing
    and can be done again. A backup of an older version is migrated. Histories in Redis are forgotten, and rebuilt.
    """
    import time

    from services.cli.backup.archive_reader import choose_source, reading
    from services.cli.backup.parts import stores_to_fill
    from services.cli.commands.backup import summary
    from services.cli.commands.stack import stack_errors
    from services.cli.console import output, print_json
    from services.cli.ending import ends_orderly
    from services.embedded.settings import load_settings

    started = time.monotonic()
    source = choose_source(path)
    with stack_errors(), reading(source) as archive:
        manifest = archive.manifest
        with_bundles = bool(manifest.bundles or manifest.pointer) and not without_bundles
        settings = load_settings(data_dir=data_dir)
        with ends_orderly(), stores_to_fill(settings, needs_bundle_store=with_bundles) as stores:
            done = _fill(archive, stores, replace=replace, with_bundles=with_bundles)
    seconds = time.monotonic() - started
    if as_json:
        values = summary(manifest) | {"schema_revision": done.revision, "tenants": list(done.tenants)}
        print_json(values | {"path": str(source), "seconds": seconds})
        return
    output().print(f"{source}, taken {manifest.created_at}, is restored in {seconds:.1f} s", soft_wrap=True)
    output().print(f"{manifest.row_count:,} rows; bundles: {', '.join(manifest.bundles) or 'none'}", soft_wrap=True)
    if manifest.revision != done.revision:
        output().print(f"the schema went from {manifest.revision} to {done.revision}")
    output().print("start the services: trommel up --detach, or scale them up")


def _fill(archive: ArchiveReader, stores: Stores, *, replace: bool, with_bundles: bool) -> Restored:
    from services.cli.backup.bundle_files import point_as_before, put_bundles
    from services.cli.backup.cached_histories import check_reachable, forget_histories
    from services.cli.backup.database_restore import restored
    from services.cli.progress import progress

    check_reachable(stores.redis_url)
    with (
        progress("restoring", archive.manifest.row_count, "rows") as shown,
        restored(stores.database_url, archive, replace=replace, on_rows=shown.update) as done,
    ):
        # Within the transaction: when it is committed all the rest is done, and when it is not, no harm was.
        if with_bundles:
            put_bundles(archive, stores.bundle_store)
        forget_histories(stores.redis_url, {stores.tenant, *done.tenants})
        if with_bundles:
            point_as_before(archive, stores.bundle_store)
    return done
