"""The rehearsal itself: two replicas a service, restarted one by one, cycle after cycle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from services.embedded.environment import client_environment
from services.embedded.settings import StackSettings
from tools.rolling_restart.load import Load, Tally
from tools.rolling_restart.replica import ORDER, Replica, target

REPLICAS = 2
SETTLE_SECONDS = 3.0
"""Longer than a client's longest wait before it connects anew (grpc.max_reconnect_backoff_ms, 2 s)."""


@dataclass(frozen=True)
class Findings:
    """What came of it: `cycles` has a Tally a method for each, `lost` the acknowledged ids that are not kept."""

    cycles: list[dict[str, Tally]]
    acknowledged: int
    lost: list[str]
    prefix: str


async def rehearse(
    settings: StackSettings,
    users: Sequence[str],
    items: Sequence[str],
    *,
    port_base: int,
    logs: Path,
    cycles: int,
    recommend_callers: int = 4,
    event_callers: int = 2,
    settle_seconds: float = SETTLE_SECONDS,
    retry: bool = True,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Restart every replica of every service so many times under load.

    Args:
        settings: Of a stack that runs and has a bundle. Its own servers are not called.
        users: For whom slates are asked.
        items: What events are about.
        port_base: Of the replicas' ports.
        logs: Directory for the replicas' logs.
        cycles: Times that each replica is restarted.
        recommend_callers: Recommend calls under way.
        event_callers: RecordEvents calls under way.
        settle_seconds: Time that a new replica serves before the next one ends, as a Deployment's minReadySeconds.
        retry: Whether the callers' channels repeat what came back UNAVAILABLE. The services' own always do.
        on_progress: Told a line at each step.

    Raises:
        RuntimeError: A replica did not start, or did not end well.
    """
    targets = {name: target(name, REPLICAS, port_base) for name in ORDER}
    environment = client_environment(settings) | {f"TROMMEL_{name.upper()}_URL": targets[name] for name in ORDER}
    replicas = {
        name: [Replica(name, number, settings, environment, port_base, logs) for number in range(REPLICAS)]
        for name in ORDER
    }
    load = Load(targets, users, items, retry=retry)
    try:
        for name in ORDER:
            on_progress(f"starting {REPLICAS} x {name}")
            await asyncio.gather(*(replica.start() for replica in replicas[name]))
        async with load.running(recommend=recommend_callers, events=event_callers):
            for cycle in range(cycles):
                if cycle:
                    load.begin_cycle()
                on_progress(f"cycle {cycle + 1} of {cycles}")
                for replica in (one for name in ORDER for one in replicas[name]):
                    load.phase = f"while {replica.label} ended"
                    await replica.stop()
                    load.phase = f"while {replica.label} started"
                    await replica.start()
                    load.phase = f"after {replica.label} started"
                    await asyncio.sleep(settle_seconds)
        for name in reversed(ORDER):
            await asyncio.gather(*(replica.stop() for replica in replicas[name]))
    finally:
        for replica in (one for name in ORDER for one in replicas[name]):
            await replica.kill()
    kept = await asyncio.to_thread(_kept_events, environment["TROMMEL_DATABASE_URL"], load.prefix)
    return Findings(load.tallies, len(load.acknowledged), sorted(load.acknowledged - kept), load.prefix)


def _kept_events(database_url: str, prefix: str) -> set[str]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT event_id FROM events WHERE event_id LIKE %s", (f"{prefix}-%",))
        return {str(row[0]) for row in rows}
