"""A slate as JSON and as a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.cli.console import note, output


def slate_json(slate: Any) -> dict[str, Any]:
    """Return what `recommend --json` prints of a trommel.ranking.v1.Slate."""
    return {
        "items": [
            {
                "item_id": item.item_id,
                "title": item.title,
                "score": item.score,
                "sources": list(item.sources),
                "reason": item.reason,
            }
            for item in slate.items
        ],
        "bundle_version": slate.bundle_version,
        "degraded_reasons": list(slate.degraded_reasons),
        "policy": slate.policy,
        "ranked_candidate_count": slate.ranked_candidate_count,
        "request_id": slate.request_id,
    }


def print_slate(slate: Any, marked: Collection[str] = ()) -> None:
    """Print a slate as a table; items in `marked` are new and say so."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("item", no_wrap=True)
    table.add_column("title", ratio=3)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("why", ratio=4)
    for place, item in enumerate(slate.items, 1):
        new = item.item_id in marked
        table.add_row(
            f"{'+' if new else ''}{place}",
            Text(item.item_id),
            Text(item.title),
            f"{item.score:.3f}",
            Text(item.reason or ", ".join(item.sources)),
            style="green" if new else None,
        )
    output().print(table)
    if not slate.items:
        note("no items: none qualify, or nothing is in the catalog yet (trommel data import)")
    bundle = f"bundle {slate.bundle_version}" if slate.bundle_version else "no bundle is active (trommel train)"
    note(f"{bundle}, {slate.ranked_candidate_count} candidates ranked, request {slate.request_id}")
    if slate.degraded_reasons:
        note(f"degraded: {', '.join(slate.degraded_reasons)} (trommel doctor says more)")
