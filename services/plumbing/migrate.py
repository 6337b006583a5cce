"""`python -m services.plumbing.migrate`: brings the database's schema up to date. Two at once do not race."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from pydantic import Field, ValidationError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from services.plumbing.redaction import redacted
from services.plumbing.settings import TrommelSettings

# Any number will do as long as it stays: all who migrate this database queue for the same lock. A backup shares it.
LOCK_KEY = 7_415_200_001
_LOCK_WAIT_SECONDS = 120
# Between two tries while the database starts; a command without an event loop.
_RETRY_SECONDS = 0.3


class MigrationError(Exception):
    """The schema could not be brought up to date; the text is one line for a person."""


class MigrateSettings(TrommelSettings):
    """Which database, and how long it may take to come up."""

    database_url: str = "postgresql://trommel@127.0.0.1:7120/trommel"
    migrate_wait_seconds: float = Field(default=30.0, ge=0)


def migrate(database_url: str, wait_seconds: float = 30.0) -> tuple[str | None, str]:
    """Bring the schema to the newest revision, all or nothing; return the revisions before and after.

    Raises:
        MigrationError: The database did not answer in time, or refused.
    """
    head = known_revisions()[-1]
    with locked_connection(database_url, wait_seconds) as connection:
        before = current_revision(connection)
        upgrade(connection, "head")
    return before, head


def known_revisions() -> list[str]:
    """Every revision that this code can bring a schema to, oldest first."""
    found = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    if not found:
        raise MigrationError("no migrations are installed; install the package again")
    return found[::-1]


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the schema forward to a revision, within the connection's transaction. Raises MigrationError."""
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise MigrationError(f"the database is at a revision this version does not know: {_line(error)}") from error


@contextmanager
def locked_connection(database_url: str, wait_seconds: float) -> Iterator[Connection]:
    """One transaction around everything: the lock is given back by commit, rollback and the loss of the connection.

    Raises:
        MigrationError: The database did not answer in time, or refused.
    """
    try:
        with _transaction(database_url, wait_seconds) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise MigrationError(f"the database refused a migration: {_line(error)}") from error


@contextmanager
def _transaction(database_url: str, wait_seconds: float) -> Iterator[Connection]:
    first = _connect(database_url, wait_seconds)
    engine = create_engine("postgresql+psycopg://", creator=lambda: first, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            yield connection
    finally:
        engine.dispose()
        first.close()


def _connect(database_url: str, wait_seconds: float) -> psycopg.Connection[tuple[object, ...]]:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return psycopg.connect(database_url, connect_timeout=5)
        except psycopg.ProgrammingError as error:
            # What the library says repeats the URL, and with it the password.
            raise MigrationError(
                "TROMMEL_DATABASE_URL is not postgresql://user:password@host:port/database; set it right"
            ) from error
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise MigrationError(
                    f"the database does not answer after {wait_seconds:g} s; start it or set TROMMEL_DATABASE_URL: "
                    f"{_line(error)}"
                ) from error
        time.sleep(_RETRY_SECONDS)


def current_revision(connection: Connection) -> str | None:
    """The revision of the schema; None where nothing was made yet."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _line(error: Exception) -> str:
    """Return the first line of an error's text: what follows is the statement, or hints for programmers."""
    return str(error).strip().split("\n", 1)[0]


def main() -> None:
    """Migrate and say so in one line; exit 1 with one line when it cannot be done."""
    try:
        settings = MigrateSettings()
        before, after = migrate(settings.database_url, settings.migrate_wait_seconds)
    except ValidationError as error:
        sys.exit(f"migrate: settings are not right: {'; '.join(e['msg'] for e in error.errors())}")
    except MigrationError as error:
        sys.exit(redacted(f"migrate: {error}"))
    done = "is up to date" if before == after else f"went from {before or 'empty'} to {after}"
    sys.stdout.write(f"migrate: the schema {done} (revision {after})\n")


if __name__ == "__main__":
    main()
