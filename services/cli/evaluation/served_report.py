"""What came of serving the lists that were made offline: as a table, and as the one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.console import note, output
from services.cli.tables import table

LEAST_AGREEMENT = 0.999
_NAMES = ("recall@10", "ndcg@10", "mrr@10", "recall@100", "coverage@10")


def print_served(served: Mapping[str, Any]) -> None:
    """Print the figures of the served lists beside those of the offline slates of the same users."""
    if "error" in served:
        return
    rows = [
        [who, *(f"{figures[name]:.4f}" for name in _NAMES)]
        for who, figures in (("served", served), ("offline slate", served["offline"]))
    ]
    output().print(table([f"{served['users']:,} users", *_NAMES], rows))
    output().print(
        f"the same item in {served['agreement@10']:.3%} of the positions of the top 10, {served['agreement@100']:.3%} "
        f"of the top 100; {served['users_that_differ']:,} users' lists differ"
    )
    output().print(
        f"{served['calls_per_second']:,.0f} calls/s, {served['calls_at_a_time']} at a time: p50 "
        f"{served['p50_milliseconds']:.1f} ms, p99 {served['p99_milliseconds']:.1f} ms; "
        f"{served['degraded_answers']} degraded, {served['failed_calls']} failed"
    )
    for reason, count in served["degraded_reasons"].items():
        note(f"degraded {count} times: {reason}")


def what_is_wrong(served: Mapping[str, Any]) -> str | None:
    """Return why the command has failed after all, in one line; None where nothing is wrong."""
    if "error" in served:
        return f"the lists could not be served: {served['error']}"
    if served["failed_calls"]:
        kinds = ", ".join(f"{name} {count}" for name, count in served["failures"].items())
        return f"{served['failed_calls']} of {served['users']} served calls failed ({kinds})"
    least = min(served["agreement@10"], served["agreement@100"])
    if least < LEAST_AGREEMENT:
        return f"served and offline lists agree in {least:.3%} of the positions, not in {LEAST_AGREEMENT:.1%}"
    return None
