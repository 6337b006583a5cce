"""The worker tells whether PostgreSQL and Redis answer it."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

from services.training.parts_watch import watch_parts
from services.training.settings import TrainingSettings


def up(part: str) -> float | None:
    return REGISTRY.get_sample_value("trommel_part_up", {"part": part})


async def test_stores_that_are_not_there_are_down() -> None:
    settings = TrainingSettings(
        database_url="postgresql://nobody:secret@127.0.0.1:1/none", redis_url="redis://127.0.0.1:1/0"
    )
    watch = asyncio.create_task(watch_parts(settings))
    try:
        async with asyncio.timeout(30):
            while up("postgres") != 0 or up("redis") != 0:
                assert not watch.done()
                await asyncio.sleep(0.005)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
