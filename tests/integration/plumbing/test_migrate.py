"""The migrations on a real PostgreSQL, each test in a database of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.embedded import StackSettings, down, up
from services.embedded.postgres import url
from services.plumbing.migrate import MigrationError, migrate
from services.plumbing.migrations.tables import TABLES
from tests.free_ports import free_port_base


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("migrate"), port_base=free_port_base())
    try:
        up(settings, only=("postgres",))
        yield settings
    finally:
        down(settings)


@pytest.fixture
def database_url(postgres: StackSettings) -> Iterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(url(postgres, user="postgres", database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER trommel")
        yield url(postgres, database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(database_url: str, directory: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.plumbing.migrate"],
        cwd=directory,
        env={**os.environ, "TROMMEL_DATABASE_URL": database_url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(database_url: str) -> set[str]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row[0] for row in rows} - {"alembic_version"}


def test_an_empty_database_gets_every_table(database_url):
    before, after = migrate(database_url)
    assert before is None
    assert tables(database_url) == set(TABLES)
    assert migrate(database_url) == (after, after)


def test_tenant_leads_every_key(database_url):
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        leading = connection.execute("""
            SELECT c.relname, a.attname FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE n.nspname = 'public' AND c.relname <> 'alembic_version'
        """).fetchall()
    assert {table for table, _ in leading} == set(TABLES)
    assert {column for _, column in leading} == {"tenant"}


def test_two_at_once_from_any_directory_do_not_race(database_url, tmp_path):
    processes = [run(database_url, tmp_path) for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    said = sorted(output for output, _ in answers)
    assert said[0] == said[1]
    assert said[0].startswith("migrate: the schema is up to date")
    assert said[2].startswith("migrate: the schema went from empty to ")
    assert tables(database_url) == set(TABLES)


def test_a_failed_migration_leaves_nothing(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bundles (mine int)")  # in the way of the last statement
    with pytest.raises(MigrationError, match="already exists"):
        migrate(database_url)
    assert tables(database_url) == {"bundles"}


def test_a_database_of_a_newer_version_is_left_alone(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(MigrationError, match=r"does not know.*9999"):
        migrate(database_url)


@pytest.mark.parametrize(
    ("database_url", "says"),
    [
        ("postgresql://trommel@127.0.0.1:1/trommel", "the database does not answer after 0 s; start it or set"),
        ("no such thing: secret", "TROMMEL_DATABASE_URL is not postgresql://"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(tmp_path, database_url, says):
    process = run(database_url, tmp_path, TROMMEL_MIGRATE_WAIT_SECONDS="0")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith(f"migrate: {says}")
    assert errors.count("\n") == 1
    assert "secret" not in errors
