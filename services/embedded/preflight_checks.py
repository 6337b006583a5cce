"""What `trommel doctor` looks at before a start: each check says what it found and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from services.embedded import keeper, postgres, redis_server, triton_environment
from services.embedded.data_directory import LEAST_FREE_BYTES
from services.embedded.ports import check_free
from services.embedded.programs import ALL
from services.embedded.settings import StackSettings, check_text
from services.embedded.stack_error import StackError
from services.embedded.unprivileged import ordinary_user


@dataclass(frozen=True)
class Check:
    """One finding. `hint` says what to do where it is not `ok`."""

    name: str
    ok: bool
    message: str
    hint: str = ""


def preflight(settings: StackSettings) -> list[Check]:
    """Looks at everything a start needs; changes nothing, starts nothing."""
    checks = [_check("data directory", lambda: _data_directory(settings))]
    checks.append(_check("ports", lambda: _ports(settings)))
    checks.append(_check("postgres", lambda: _postgres(settings)))
    checks.append(_check("redis", lambda: _redis(settings)))
    checks.append(_check("triton", lambda: _triton(settings)))
    return checks


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except StackError as error:
        return Check(name, False, error.message, error.hint)


def _data_directory(settings: StackSettings) -> str:
    check_text(settings)
    root = settings.root
    place = root if root.is_dir() else root.parent
    if not place.is_dir():
        raise StackError(f"{place} does not exist", "make it, or set TROMMEL_DATA_DIR")
    if root.exists() and not root.is_dir():
        raise StackError(f"{root} is not a directory", "set TROMMEL_DATA_DIR")
    free = shutil.disk_usage(place).free
    if free < LEAST_FREE_BYTES:
        raise StackError(f"{free // 1024**2} MB free", f"free at least {LEAST_FREE_BYTES // 1024**2} MB")
    return f"{root}, {free / 1024**3:.1f} GB free"


def _ports(settings: StackSettings) -> str:
    if client := keeper.connect(settings.root):
        client.__exit__(None, None, None)
        return "the stack runs"
    check_free([name for name in ALL if settings.external_url(name) is None], settings.port_base)
    return f"free from {settings.port_base} on"


def _postgres(settings: StackSettings) -> str:
    if settings.database_url:
        return "elsewhere (TROMMEL_DATABASE_URL)"
    ordinary_user(postgres.binary("postgres"), settings.root / "postgres")
    return f"PostgreSQL {postgres.MAJOR_VERSION} is installed"


def _redis(settings: StackSettings) -> str:
    if settings.redis_url:
        return "elsewhere (TROMMEL_REDIS_URL)"
    redis_server.binary()
    return "redis-server is installed"


def _triton(settings: StackSettings) -> str:
    if settings.triton_url:
        return "elsewhere (TROMMEL_TRITON_URL)"
    triton_environment.check_platform()
    if triton_environment.is_complete(settings):
        return f"installed in {settings.triton_environment}"
    return f"will be installed in {settings.triton_environment} at the first start"
