"""The stores that a backup reads and a restore fills: those behind URLs, and those of the stack on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.data_directory import bundle_store
from services.embedded import StackSettings, down, status, up


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything is. redis_url is empty for a backup, which does not need it."""

    database_url: str
    redis_url: str
    bundle_store: Path
    tenant: str


@contextmanager
def stores_to_read(settings: StackSettings) -> Iterator[Stores]:
    """PostgreSQL and the bundle store. An embedded PostgreSQL that does not run is started for as long as needed."""
    if settings.database_url is None and not (settings.root / "postgres" / "data").is_dir():
        raise CliError(f"there is no stack in {settings.root}: set TROMMEL_DATA_DIR, or TROMMEL_DATABASE_URL")
    with _running(settings, ("postgres",)) as environment:
        yield _stores(settings, environment)


@contextmanager
def stores_to_fill(settings: StackSettings, *, needs_bundle_store: bool) -> Iterator[Stores]:
    """PostgreSQL, Redis and the bundle store; embedded ones are made where there are none yet, and stopped again."""
    if settings.database_url is not None and settings.redis_url is None and not (settings.root / "redis").is_dir():
        raise CliError("set TROMMEL_REDIS_URL too: histories that it remembers must go when the database is restored")
    if needs_bundle_store and settings.database_url is not None and settings.bundle_store is None:
        raise CliError("set TROMMEL_BUNDLE_STORE too, for the backup holds bundles, or give --without-bundles")
    with _running(settings, ("postgres", "redis")) as environment:
        yield _stores(settings, environment)


@contextmanager
def _running(settings: StackSettings, names: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    embedded = [name for name in names if settings.external_url(name) is None]
    if not embedded:
        yield {}
        return
    ran = any(process.pid for process in status(settings) if process.embedded)
    started = up(settings, note, only=embedded)
    try:
        yield started.environment
    finally:
        if not ran:
            down(settings, note)


def _stores(settings: StackSettings, environment: Mapping[str, str]) -> Stores:
    return Stores(
        settings.database_url or environment["TROMMEL_DATABASE_URL"],
        settings.redis_url or environment.get("TROMMEL_REDIS_URL", ""),
        bundle_store(),
        settings.tenant,
    )
