"""The database's side of a backup: every table out of one snapshot, while the services write on."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from services.cli.backup.archive_writer import ArchiveWriter
from services.cli.backup.manifest import TableEntry
from services.cli.cli_error import CliError
from services.plumbing.migrate import LOCK_KEY, known_revisions
from services.plumbing.migrations.tables import SEQUENCES, TABLES

Connection = psycopg.Connection[Any]
_LOCK_WAIT_SECONDS = 120
# What is held in memory of a table at a time, before and after compression.
_ROWS_BYTES = 1 << 20
_PART_BYTES = 16 << 20
# Text, so that any PostgreSQL reads what any other wrote; these settings alone could change how it is written.
_SETTINGS = (
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What else belongs to the snapshot.

    sequences: the next value of each. active: the version that serves the tenant, if any. strangers: somebody else's
    tables.
    """

    revision: str
    sequences: dict[str, int]
    active: tuple[str, ...]
    strangers: tuple[str, ...]


@contextmanager
def snapshot(database_url: str) -> Iterator[Connection]:
    """Open one read-only transaction in which all tables are of one moment and keep their form.

    Raises:
        CliError: The database is away, or was lost meanwhile.
    """
    try:
        with psycopg.connect(
            database_url, connect_timeout=5, application_name="trommel-backup", client_encoding="utf8", autocommit=True
        ) as connection:
            # Shared with other backups. A migration waits here, where nobody waits behind it, and not at the tables.
            connection.execute(f"SET lock_timeout = '{_LOCK_WAIT_SECONDS}s'")
            connection.execute("SELECT pg_advisory_lock_shared(%s)", (LOCK_KEY,))
            tables = _present(connection)
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                for setting in _SETTINGS:
                    connection.execute(setting)
                if tables:
                    # Before the snapshot is taken: what it shows and the tables' form belong together.
                    names = sql.SQL(", ").join(map(sql.Identifier, tables))
                    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))
                yield connection
    except psycopg.ProgrammingError as error:
        # What the library says may repeat the URL, and with it the password.
        raise CliError(f"the database cannot be read ({type(error).__name__}): check TROMMEL_DATABASE_URL") from error
    except psycopg.Error as error:
        raise CliError(f"the database cannot be read ({_line(error)}): check TROMMEL_DATABASE_URL") from error


def read_state(connection: Connection, tenant: str) -> DatabaseState:
    """Read the schema's revision and the sequences. Raises CliError for a schema that this code does not know."""
    if not _exists(connection, "alembic_version"):
        raise CliError("the database has no schema of Trommel: there is nothing to back up")
    revision = str(_one(connection, "SELECT version_num FROM alembic_version"))
    if revision not in known_revisions():
        raise CliError(f"the database is at revision {revision}, which this version does not know: use the newer one")
    sequences = {name: next_value(connection, name) for name in SEQUENCES if _exists(connection, name)}
    active = connection.execute(
        "SELECT version FROM bundles WHERE tenant = %s AND state = 'active'", (tenant,)
    ).fetchall()
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname <> ALL(%s)"
        " AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('alembic_version'))"
        " ORDER BY relname",
        ([*TABLES, "alembic_version"],),
    ).fetchall()
    return DatabaseState(revision, sequences, tuple(str(row[0]) for row in active), tuple(str(row[0]) for row in found))


def next_value(connection: Connection, sequence: str) -> int:
    """Return the value that the sequence gives next."""
    statement = sql.SQL("SELECT last_value + is_called::int FROM {}").format(sql.Identifier(sequence))
    return int(_one(connection, statement))


def dump_tables(
    connection: Connection, writer: ArchiveWriter, on_rows: Callable[[int, str], None]
) -> dict[str, TableEntry]:
    """Write the rows of every table as compressed parts.

    Args:
        connection: Of `snapshot`.
        writer: Takes the parts.
        on_rows: Told how many rows are written, and of which table the last were.
    """
    entries: dict[str, TableEntry] = {}
    total = 0
    for table in _present(connection):
        columns = _columns(connection, table)
        statement = sql.SQL("COPY {} ({}) TO STDOUT").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        parts: list[str] = []
        rows = 0
        compressed = bytearray()
        for piece, count in _pieces(connection, statement):
            # Members of one gzip stream may follow each other: each piece stands for itself.
            compressed += gzip.compress(piece, compresslevel=1, mtime=0)
            rows += count
            on_rows(total + rows, table)
            if len(compressed) >= _PART_BYTES:
                _add_part(writer, table, parts, compressed)
        if compressed:
            _add_part(writer, table, parts, compressed)
        total += rows
        entries[table] = TableEntry(columns, rows, tuple(parts))
    return entries


def _pieces(connection: Connection, statement: sql.Composed) -> Iterator[tuple[bytes, int]]:
    """Yield rows joined to about a megabyte, and how many they are."""
    rows: list[Any] = []
    size = 0
    with connection.cursor().copy(statement) as copy:
        for row in copy:
            rows.append(bytes(row))
            size += len(row)
            if size >= _ROWS_BYTES:
                yield b"".join(rows), len(rows)
                rows, size = [], 0
    if rows:
        yield b"".join(rows), len(rows)


def _add_part(writer: ArchiveWriter, table: str, parts: list[str], compressed: bytearray) -> None:
    name = f"tables/{table}/{len(parts):06d}.copy.gz"
    writer.add_bytes(name, bytes(compressed))
    parts.append(name)
    compressed.clear()


def _present(connection: Connection) -> list[str]:
    return [table for table in TABLES if _exists(connection, table)]


def _columns(connection: Connection, table: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        (table,),
    ).fetchall()
    return tuple(str(row[0]) for row in rows)


def _exists(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])


def _one(connection: Connection, statement: str | sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    if row is None:
        raise CliError("the database's schema is not whole: run python -m services.plumbing.migrate")
    return row[0]


def _line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
