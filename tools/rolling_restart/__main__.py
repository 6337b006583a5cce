"""Rehearse a rolling restart of every service beside a one-machine stack that runs.

    python -m tools.rolling_restart [--cycles 5] [--no-retry]

Two replicas of candidates, feedback, training and ranking start beside the stack's own, on ports of their own, and
share its PostgreSQL, Redis, Triton and bundle. Callers ask without a pause, over the channels that the command line and
the services use. Each replica gets SIGTERM, drains, ends, starts again and serves for a while before the next one ends.
Ends with 1 if a call failed or an acknowledged event is not in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import psycopg

from services.embedded import StackError, load_settings
from services.embedded.environment import client_environment
from services.embedded.settings import StackSettings
from tools.rolling_restart.load import METHODS, Tally
from tools.rolling_restart.rehearsal import SETTLE_SECONDS, Findings, rehearse

_PORTS_ABOVE_STACK = 50
_MOST = 500


def main() -> None:
    """Rehearse and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=5, help="times that each replica is restarted")
    parser.add_argument("--recommend-callers", type=int, default=4, help="Recommend calls under way")
    parser.add_argument("--event-callers", type=int, default=2, help="RecordEvents calls under way")
    parser.add_argument("--settle", type=float, default=SETTLE_SECONDS, help="seconds between two replicas")
    parser.add_argument("--no-retry", action="store_true", help="the callers' channels repeat nothing")
    parser.add_argument("--port-base", type=int, help="of the replicas (default: the stack's and 50)")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        users, items = _users_and_items(settings)
    except (StackError, psycopg.OperationalError) as error:
        sys.exit(f"no stack answers here ({str(error).splitlines()[0]}); start one with data and a bundle")
    if not users or not items:
        sys.exit("the stack has no events; import some and train first")
    with tempfile.TemporaryDirectory(prefix="trommel-rolling-") as logs:
        findings = asyncio.run(
            rehearse(
                settings,
                users,
                items,
                port_base=arguments.port_base or settings.port_base + _PORTS_ABOVE_STACK,
                logs=Path(logs),
                cycles=arguments.cycles,
                recommend_callers=arguments.recommend_callers,
                event_callers=arguments.event_callers,
                settle_seconds=arguments.settle,
                retry=not arguments.no_retry,
                on_progress=lambda line: print(line, file=sys.stderr, flush=True),
            )
        )
    _forget(settings, findings.prefix)
    failed = _print(findings)
    sys.exit(1 if failed or findings.lost else 0)


def _users_and_items(settings: StackSettings) -> tuple[list[str], list[str]]:
    with psycopg.connect(client_environment(settings)["TROMMEL_DATABASE_URL"], connect_timeout=5) as connection:
        users = connection.execute("SELECT DISTINCT user_id FROM events ORDER BY 1 LIMIT %s", (_MOST,)).fetchall()
        items = connection.execute("SELECT DISTINCT item_id FROM events ORDER BY 1 LIMIT %s", (_MOST,)).fetchall()
    return [row[0] for row in users], [row[0] for row in items]


def _forget(settings: StackSettings, prefix: str) -> None:
    """Take the events out again: they are nobody's taste."""
    with psycopg.connect(client_environment(settings)["TROMMEL_DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM events WHERE event_id LIKE %s", (f"{prefix}-%",))


def _print(findings: Findings) -> int:
    print(f"{'cycle':<6}{'method':<14}{'calls':>8}{'failed':>8}{'degraded':>10}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for number, cycle in enumerate(findings.cycles, 1):
        for method in METHODS:
            _print_row(str(number), method, cycle[method])
    failed = 0
    reasons: Counter[str] = Counter()
    for method in METHODS:
        whole = Tally()
        for cycle in findings.cycles:
            whole.milliseconds += cycle[method].milliseconds
            whole.failures += cycle[method].failures
            whole.degraded += cycle[method].degraded
        failed += whole.failures.total()
        reasons += whole.degraded
        _print_row("all", method, whole)
        for reason, count in whole.failures.most_common():
            print(f"  failed: {count} {method} {reason}")
    for reason, count in reasons.most_common():
        print(f"  degraded: {count} {reason}")
    print(f"events acknowledged: {findings.acknowledged}, of these lost: {len(findings.lost)}")
    return failed


def _print_row(cycle: str, method: str, tally: Tally) -> None:
    times = np.asarray(tally.milliseconds or [np.nan])
    p50, p99 = np.percentile(times, [50, 99])
    print(
        f"{cycle:<6}{method:<14}{tally.calls:>8}{tally.failures.total():>8}{tally.degraded.total():>10}"
        f"{p50:>9.1f}{p99:>9.1f}{times.max():>9.1f}"
    )


if __name__ == "__main__":
    main()
