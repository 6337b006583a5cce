"""How p99 of Recommend grows with the calls in flight, and what memory each process of the stack holds meanwhile.

``python benchmarks/load_in_flight.py`` asks a running one-machine stack. Each step keeps so many calls in flight (as
many callers, each asks again when it has its answer) for some seconds. At the first step whose p99 is twice that of the
first another replica would have been needed: targets of scaling lie below it (docs/kubernetes.md).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import numpy as np
import psutil
from trommel.ranking.v1.ranking_pb2 import RecommendRequest

from services.cli import stubs
from services.embedded import status
from services.embedded.settings import StackSettings


async def _step(users: list[str], in_flight: int, seconds: float) -> tuple[list[float], int]:
    """Keep `in_flight` calls under way; return their milliseconds, and how many answers were degraded."""
    taken: list[float] = []
    degraded = 0
    end = time.perf_counter() + seconds

    async def caller(service: object, first: int) -> None:
        nonlocal degraded
        number = first
        while (began := time.perf_counter()) < end:
            request = RecommendRequest(user_id=users[number % len(users)], scenario="movies/home", count=10)
            answer = await service.Recommend(request, timeout=10)  # type: ignore[attr-defined]
            degraded += bool(answer.slate.degraded_reasons)
            taken.append((time.perf_counter() - began) * 1000)
            number += in_flight

    async with stubs.ranking() as service:
        await asyncio.gather(*(caller(service, first) for first in range(in_flight)))
    return taken, degraded


def _memory() -> dict[str, dict[str, float]]:
    """Return what each process of the stack and its children hold, in MiB: resident, and with shared pages shared out.

    A pod shares its pages with nobody, so that resident is the figure for one process; several of one pod (PostgreSQL,
    Triton) share theirs and lie between the two.
    """
    found = {}
    for part in status(StackSettings()):
        if part.pid is None:
            continue
        tree = [psutil.Process(part.pid), *psutil.Process(part.pid).children(recursive=True)]
        held = [process.memory_full_info() for process in tree]
        found[part.name] = {
            "resident": round(sum(one.rss for one in held) / 2**20, 1),
            "shared_out": round(sum(one.pss for one in held) / 2**20, 1),
        }
    return found


async def _measure(arguments: argparse.Namespace) -> dict[str, object]:
    users = [str(number) for number in range(1, arguments.users + 1)]
    await _step(users, 4, 3.0)  # warm
    rows = []
    for in_flight in arguments.in_flight:
        taken, degraded = await _step(users, in_flight, arguments.seconds)
        rows.append(
            {
                "in_flight": in_flight,
                "answers_per_second": round(len(taken) / arguments.seconds, 1),
                "p50_ms": round(float(np.percentile(taken, 50)), 2),
                "p99_ms": round(float(np.percentile(taken, 99)), 2),
                "degraded": degraded,
            }
        )
        print(json.dumps(rows[-1]))
    doubled = next((row["in_flight"] for row in rows if row["p99_ms"] >= 2 * rows[0]["p99_ms"]), None)
    return {"steps": rows, "p99_doubles_at": doubled, "memory_mib": _memory()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=900, help="users 1..N, with a history")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8, 12, 16, 24, 32])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each step")
    print(json.dumps(asyncio.run(_measure(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
