"""A new version of every service is rolled out while callers call: no call fails, and no acknowledged event is lost."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.e2e.conftest import RunningStack
from tests.free_ports import free_port_base
from tools.rolling_restart.load import METHODS
from tools.rolling_restart.rehearsal import rehearse


async def test_a_rolling_restart_fails_no_call(stack: RunningStack, tmp_path: Path) -> None:
    findings = await rehearse(
        stack.settings,
        [f"user-{number}" for number in range(200)],
        [item.id for item in stack.films.items],
        port_base=free_port_base(),
        logs=tmp_path,
        cycles=1,
        recommend_callers=2,
        event_callers=1,
        settle_seconds=0.0,  # harder than any rollout: the next replica ends as soon as the one before says SERVING
    )
    with psycopg.connect(stack.environment["TROMMEL_DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM events WHERE event_id LIKE %s", (f"{findings.prefix}-%",))
    (cycle,) = findings.cycles
    assert {method: cycle[method].failures for method in METHODS} == {method: {} for method in METHODS}
    assert all(cycle[method].calls > 50 for method in METHODS)
    assert findings.acknowledged > 50
    assert findings.lost == []
