"""How long a Recommend takes beside a bare gRPC echo of the same payload, in one run against a running stack.

``python benchmarks/recommend_latency.py`` asks TROMMEL_RANKING_URL. It is the demo's measurement: the echo is a server
of its own process that does nothing, and it and Recommend are called in turns, so that both meet the same machine.
Exits 1 when fewer candidates were ranked than wanted, an answer was degraded, or the median is above ``--at-most``
times the echo's.
"""

from __future__ import annotations

import argparse
import json
import sys

from services.cli.cli_error import CliError
from services.cli.latency import Measured, measure


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default=",".join(map(str, range(1, 201))), help="ids of users with a history")
    parser.add_argument("--scenario", default="movies/home")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--min-candidates", type=int, default=300)
    parser.add_argument("--at-most", type=float, default=12.0, help="ratio of the medians that is still good")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        measured = measure(arguments.users.split(","), arguments.requests, arguments.count, arguments.scenario)
    except CliError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    figures = _figures(measured, arguments.at_most)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:>24} {value}")
    good = (
        measured.least_ranked >= arguments.min_candidates
        and measured.degraded == 0
        and measured.ratio <= arguments.at_most
    )
    return 0 if good else 1


def _figures(measured: Measured, at_most: float) -> dict[str, float]:
    return {
        "requests": len(measured.recommend.milliseconds),
        "ranked_candidates_min": measured.least_ranked,
        "degraded_answers": measured.degraded,
        "recommend_p50_ms": round(measured.recommend.percentile(50), 3),
        "recommend_p99_ms": round(measured.recommend.percentile(99), 3),
        "echo_p50_ms": round(measured.echo.percentile(50), 3),
        "echo_p99_ms": round(measured.echo.percentile(99), 3),
        "payload_bytes": measured.payload_bytes,
        "p50_ratio": round(measured.ratio, 2),
        "p50_ratio_at_most": at_most,
    }


if __name__ == "__main__":
    sys.exit(main())
