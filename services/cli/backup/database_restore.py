"""The database's side of a restore: one transaction, so that a restore that ends half-way changes nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection as Transaction

from services.cli.backup.archive_reader import ArchiveReader
from services.cli.backup.database_dump import next_value
from services.cli.backup.manifest import BackupManifest, TableEntry
from services.cli.cli_error import CliError
from services.plumbing.migrate import MigrationError, current_revision, known_revisions, locked_connection, upgrade
from services.plumbing.migrations.tables import SEQUENCES, TABLES

Connection = psycopg.Connection[Any]
_CHUNK_BYTES = 1 << 20
_SETTINGS = (
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL client_encoding = 'UTF8'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL synchronous_commit = on",
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: the schema's revision now, and the tenants whose data was there before or is there now."""

    revision: str
    tenants: tuple[str, ...]


@contextmanager
def restored(
    database_url: str, archive: ArchiveReader, *, replace: bool, on_rows: Callable[[int, str], None]
) -> Iterator[Restored]:
    """Bring the database to the backup's state and the newest schema; committed when the context ends well.

    Args:
        database_url: postgresql://user:password@host:port/database.
        archive: The verified backup.
        replace: Whether rows that are there may be lost.
        on_rows: Told how many rows are in, and of which table the last were.

    Raises:
        CliError: The database is away, in use, not empty, or of a schema that this code does not know.
    """
    manifest = archive.manifest
    known = known_revisions()
    if manifest.revision not in known:
        raise CliError(
            f"the backup's schema is revision {manifest.revision}, this version knows no later than {known[-1]}: "
            f"restore it with Trommel {manifest.trommel_version} or later"
        )
    try:
        with locked_connection(database_url, 10.0) as transaction:
            connection: Connection = transaction.connection.driver_connection  # type: ignore[assignment]
            connection.execute("SET LOCAL application_name = 'trommel-restore'")
            for setting in _SETTINGS:
                connection.execute(setting)
            _check_unused(connection)
            now = current_revision(transaction)
            tenants = _check_target(connection, now, known, replace=replace)
            at_least = {name: next_value(connection, name) for name in SEQUENCES if _exists(connection, name)}
            _make_room(transaction, connection, now, manifest.revision)
            _fill(connection, archive, on_rows)
            _set_sequences(connection, manifest, at_least)
            upgrade(transaction, "head")
            tenants |= _tenants(connection)
            for table in TABLES:
                connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
            yield Restored(known[-1], tuple(sorted(tenants)))
    except MigrationError as error:
        raise CliError(str(error)) from error
    except psycopg.Error as error:
        raise CliError(f"the database refused the backup, nothing was changed: {_line(error)}") from error


def _check_unused(connection: Connection) -> None:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name LIKE 'trommel%'"
    ).fetchone()
    if row and row[0]:
        raise CliError(
            f"Trommel's services use this database ({row[0]} connections): stop them first (trommel down; in a cluster "
            "scale them to 0)"
        )


def _check_target(connection: Connection, now: str | None, known: list[str], *, replace: bool) -> set[str]:
    """Return the tenants whose data is there. Raises CliError where it must not be lost."""
    if now is not None and now not in known:
        raise CliError(f"the database is at revision {now}, which this version does not know: use the newer one")
    tenants = _tenants(connection)
    if tenants and not replace:
        raise CliError("the database is not empty: give --replace to lose what is in it, or name another database")
    return tenants


def _make_room(transaction: Transaction, connection: Connection, now: str | None, revision: str) -> None:
    """Leave empty tables of the backup's schema."""
    present = sql.SQL(", ").join(sql.Identifier(table) for table in TABLES if _exists(connection, table))
    if now == revision:
        # The tables stay, and with them what others were granted on them.
        connection.execute(sql.SQL("TRUNCATE {}").format(present))
        return
    if now is not None:
        connection.execute(sql.SQL("DROP TABLE {}, alembic_version").format(present))
        for sequence in SEQUENCES:
            connection.execute(sql.SQL("DROP SEQUENCE IF EXISTS {}").format(sql.Identifier(sequence)))
    upgrade(transaction, revision)
    # What a migration writes by itself is in the backup already.
    for table in TABLES:
        if _exists(connection, table):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def _fill(connection: Connection, archive: ArchiveReader, on_rows: Callable[[int, str], None]) -> None:
    total = 0
    for table, entry in archive.manifest.tables.items():
        if table not in TABLES:
            raise CliError(f"the backup holds a table {table}, which this version does not know: use the newer one")
        rows = _fill_table(connection, archive, table, entry, partial(_add_rows, on_rows, total, table))
        if rows != entry.rows:
            raise CliError(f"the backup promises {entry.rows} rows of {table} and has {rows}: take another backup")
        total += rows


def _add_rows(on_rows: Callable[[int, str], None], before: int, table: str, rows: int) -> None:
    on_rows(before + rows, table)


def _fill_table(
    connection: Connection, archive: ArchiveReader, table: str, entry: TableEntry, on_rows: Callable[[int], None]
) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, entry.columns))
    )
    cursor = connection.cursor()
    done = 0
    with cursor.copy(statement) as copy:
        for part in entry.parts:
            for chunk in _decompressed(archive, part):
                copy.write(chunk)
                done += chunk.count(b"\n")
                on_rows(done)
    return cursor.rowcount


def _decompressed(archive: ArchiveReader, part: str) -> Iterator[bytes]:
    try:
        with archive.open(part) as stream, gzip.open(stream) as plain:
            while chunk := plain.read(_CHUNK_BYTES):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CliError(f"{part} of the backup cannot be read: take another backup") from error


def _set_sequences(connection: Connection, manifest: BackupManifest, at_least: dict[str, int]) -> None:
    """Let no sequence give a value twice: not one of the backup, nor one that this database gave since."""
    for name, (table, column) in SEQUENCES.items():
        if not _exists(connection, name):
            continue
        statement = sql.SQL("SELECT coalesce(max({}), 0) + 1 FROM {}").format(
            sql.Identifier(column), sql.Identifier(table)
        )
        row = connection.execute(statement).fetchone()
        value = max(manifest.sequences.get(name, 1), at_least.get(name, 1), int(row[0]) if row else 1)
        connection.execute("SELECT setval(to_regclass(%s), %s, false)", (name, value))


def _tenants(connection: Connection) -> set[str]:
    found: set[str] = set()
    for table in TABLES:
        if _exists(connection, table):
            # One step a tenant through the key's index, however many rows there are.
            statement = sql.SQL(
                "WITH RECURSIVE found AS ((SELECT tenant FROM {0} ORDER BY tenant LIMIT 1) UNION ALL SELECT (SELECT"
                " tenant FROM {0} WHERE tenant > found.tenant ORDER BY tenant LIMIT 1) FROM found WHERE tenant IS NOT"
                " NULL) SELECT tenant FROM found WHERE tenant IS NOT NULL"
            ).format(sql.Identifier(table))
            found |= {str(row[0]) for row in connection.execute(statement).fetchall()}
    return found


def _exists(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])


def _line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
