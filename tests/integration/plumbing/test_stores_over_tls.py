"""PostgreSQL and Redis over TLS, by their URLs alone: real stores behind a front that ends TLS with a certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from services.candidates.settings import CandidatesSettings
from services.embedded import StackSettings, down, up
from services.feedback.settings import FeedbackSettings
from services.plumbing.clients.postgres import open_pool
from services.plumbing.clients.redis_client import open_redis
from services.plumbing.migrate import MigrationError, migrate
from services.ranking.redis_connections import open_connections
from services.ranking.settings import RankingSettings
from services.training.celery_app import make_app
from services.training.run_queue import RunQueue
from services.training.settings import TrainingServerSettings
from tests.certificates import HAVE_OPENSSL, make_certificates
from tests.free_ports import free_port_base

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not HAVE_OPENSSL, reason="openssl is not installed"),
]
_SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("tls"), port_base=free_port_base())
    try:
        yield up(settings, only=("postgres", "redis")).environment
    finally:
        down(settings)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "own")


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_certificates(tmp_path_factory.mktemp("certificates") / "strange")


@asynccontextmanager
async def _front(port: int, files: dict[str, Path], *, postgres: bool = False) -> AsyncIterator[int]:
    """End TLS in front of a port; PostgreSQL asks for it inside its own protocol first. Yields the front's port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files["tls_certificate"], files["tls_key"])

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if postgres:
                if await reader.readexactly(8) != _SSL_REQUEST:
                    writer.close()  # a client that wants no TLS gets nothing here
                    return
                writer.write(b"S")
                await writer.start_tls(context)
            inner, outer = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            writer.close()
            return
        with suppress(asyncio.CancelledError):  # the front is closed while a client is still there
            await asyncio.gather(pipe(reader, outer), pipe(inner, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if postgres else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _rediss(url: str, port: int, authority: Path) -> str:
    """Return the URL of the same Redis behind a front."""
    secret = url.partition("://")[2].rpartition("@")[0]
    return f"rediss://{secret}@localhost:{port}/0?ssl_ca_certs={authority}"


def _plain(url: str) -> str:
    return url.partition("?")[0].replace("rediss", "redis")


async def test_redis_by_rediss_in_the_url(
    stores: dict[str, str], files: dict[str, Path], strange: dict[str, Path]
) -> None:
    async with _front(_port(stores["TROMMEL_REDIS_URL"]), files) as port:
        url = _rediss(stores["TROMMEL_REDIS_URL"], port, files["tls_authority"])
        assert FeedbackSettings(redis_url=url).redis_url == RankingSettings(redis_url=url).redis_url == url
        async with open_redis(url, timeout_seconds=5) as redis:
            assert await redis.ping()
        async with open_connections(url, connect_timeout_seconds=5) as connections:
            assert await connections.ask([("SET", "trommel:tls", "1"), ("GET", "trommel:tls")]) == ["OK", "1"]
        for wrong in (
            _plain(url),
            url.replace(str(files["tls_authority"]), str(strange["tls_authority"])),
        ):
            async with open_redis(wrong, timeout_seconds=5) as redis:
                with pytest.raises(RedisConnectionError):
                    await redis.ping()


async def test_the_queue_of_training_by_rediss(
    stores: dict[str, str], files: dict[str, Path], strange: dict[str, Path]
) -> None:
    async with _front(_port(stores["TROMMEL_REDIS_URL"]), files) as port:
        url = _rediss(stores["TROMMEL_REDIS_URL"], port, files["tls_authority"])
        assert TrainingServerSettings(redis_url=url).redis_url == url
        async with open_redis(url, timeout_seconds=5) as redis:
            assert await RunQueue(make_app(url), redis, "tls").send("run-1")
            assert not await RunQueue(make_app(url), redis, "tls").is_empty()
            wrong = url.replace(str(files["tls_authority"]), str(strange["tls_authority"]))
            # A connection of its own: the pools of senders take URLs that differ in their query for the same.
            with make_app(wrong).connection() as connection, pytest.raises((RedisConnectionError, OperationalError)):
                await asyncio.to_thread(connection.ensure_connection, max_retries=1, timeout=5)


async def test_postgresql_by_sslmode_in_the_url(
    stores: dict[str, str], files: dict[str, Path], strange: dict[str, Path]
) -> None:
    async with _front(_port(stores["TROMMEL_DATABASE_URL"]), files, postgres=True) as port:
        plain = stores["TROMMEL_DATABASE_URL"]
        there = plain.replace(f"127.0.0.1:{_port(plain)}", f"localhost:{port}")
        url = f"{there}{'&' if '?' in there else '?'}sslmode=verify-full&sslrootcert={files['tls_authority']}"
        assert CandidatesSettings(database_url=url).database_url == url
        async with open_pool(url, timeout_seconds=10) as pool, pool.connection() as connection:
            assert (await (await connection.execute("SELECT 1")).fetchone()) == (1,)
            assert connection.pgconn.ssl_in_use
        before, after = await asyncio.to_thread(migrate, url, 10.0)
        assert after
        assert before != after
        for wrong in (
            url.replace("verify-full", "disable"),
            url.replace(str(files["tls_authority"]), str(strange["tls_authority"])),
        ):
            with pytest.raises(psycopg.OperationalError):
                await psycopg.AsyncConnection.connect(wrong, connect_timeout=5)
            with pytest.raises(MigrationError, match="does not answer"):
                await asyncio.to_thread(migrate, wrong, 0.0)
