"""The histories that Redis remembers: after a restore they are rebuilt from PostgreSQL, each when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from services.cli.cli_error import CliError

_SECONDS = 30.0


def check_reachable(redis_url: str) -> None:
    """Raise CliError unless Redis answers."""
    asyncio.run(_with_redis(redis_url, ()))


def forget_histories(redis_url: str, tenants: Iterable[str]) -> None:
    """Take away the markers that say a user's keys are complete: without them nobody believes the keys.

    Raises:
        CliError: Redis is away.
    """
    asyncio.run(_with_redis(redis_url, tuple(tenants)))


async def _with_redis(redis_url: str, tenants: tuple[str, ...]) -> None:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    from services.feedback.history_cache import HistoryCache

    try:
        redis = Redis.from_url(redis_url, socket_timeout=_SECONDS, socket_connect_timeout=5.0)
    except ValueError as error:
        # What the library says may repeat the URL, and with it the password.
        raise CliError("TROMMEL_REDIS_URL is not redis://:password@host:port/0; set it right") from error
    try:
        ping: Coroutine[Any, Any, bool] = redis.ping()  # type: ignore[assignment]
        await ping
        for tenant in tenants:
            await HistoryCache(redis, tenant, lifetime_seconds=1).forget_all()
    except (RedisError, OSError, TimeoutError) as error:
        raise CliError(
            f"Redis does not answer ({type(error).__name__}): start it, or check TROMMEL_REDIS_URL"
        ) from error
    finally:
        await redis.aclose()
