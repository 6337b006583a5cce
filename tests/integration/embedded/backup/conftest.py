"""Two stacks for all tests of backups: one that was destroyed and restored, one with much in its stores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.embedded import StackSettings, down, up
from services.plumbing.migrate import migrate
from tests.integration.embedded.backup.command_line import database, one, own_stack, trommel
from tests.integration.embedded.backup.rehearsal import PARTS, Rehearsal, fill

# Enough that a table takes long enough to be caught half-way.
MANY = 80_000


@pytest.fixture(scope="package")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    base = tmp_path_factory.mktemp("rehearsal")
    made = Rehearsal(own_stack(base / "data"), base / "backup.tar")
    try:
        up(made.settings, only=PARTS)
        fill(made)
        down(made.settings)
        shutil.rmtree(made.settings.root)
        trommel(made.settings, "restore", str(made.backup))
        up(made.settings, only=PARTS)
        yield made
    finally:
        down(made.settings)


@dataclass(frozen=True)
class Stores:
    """PostgreSQL and Redis with much in them, and a backup of it."""

    settings: StackSettings
    backup: Path

    def check_whole(self) -> None:
        assert one(self.settings, "SELECT count(*) FROM events") == MANY


@pytest.fixture(scope="package")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    base = tmp_path_factory.mktemp("stores")
    made = Stores(own_stack(base / "data"), base / "backups")
    made.backup.mkdir()
    try:
        database_url = up(made.settings, only=("postgres", "redis")).environment["TROMMEL_DATABASE_URL"]
        migrate(database_url)
        with database(made.settings) as connection:
            connection.execute(
                "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time)"
                " SELECT 'default', n::text, 'user-' || n % 1000, 'item-' || n % 500, 2, now() FROM"
                f" generate_series(1, {MANY}) AS n"
            )
        trommel(made.settings, "backup", str(made.backup))
        yield made
    finally:
        down(made.settings)
