"""Plain intents on a running stack that knows MovieLens-100K with plots: how many of ten titles are on topic.

    python benchmarks/intents.py
    python benchmarks/intents.py --judged benchmarks/plain_intents.jsonl
    python benchmarks/intents.py --judged my_intents.jsonl --show

Asked for somebody without a history. The judged list holds sixty intents, each with all films of MovieLens-100K that
answer it, written and judged by a large language model by titles, genres and plots, before it saw what any system
answers. On forty of them ("chosen") weights were chosen, the other twenty ("aside") were left aside.

plain_intents.jsonl holds four times twenty intents, as four more readings of a language model wrote them for a film
service, of which others judged what several systems answered ("judged"), by title and plot, without knowing whose
answers these were. What was not judged counts as off topic, and how many titles is told: another system's answers want
judging too. Of an own list, one JSON object a line: {"intent": "...", "relevant": ["item id", ...], "set": "...",
"judged": ["item id", ...]}, the last two if wanted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from trommel.ranking.v1 import ranking_pb2

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.connection import run

_JUDGED = Path(__file__).parent / "judged_intents.jsonl"
_AT_ONCE = 4


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judged", type=Path, default=_JUDGED, help="intents and what answers them")
    parser.add_argument("--count", type=int, default=10, help="titles that are looked at")
    parser.add_argument("--show", action="store_true", help="print the titles, those off topic with a dash before them")
    given = parser.parse_args()
    try:
        judged = [json.loads(line) for line in given.judged.read_text("utf-8").splitlines() if line.strip()]
        return run(_measure(judged, given.count, given.show))
    except (CliError, OSError, ValueError) as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1


async def _measure(judged: Sequence[dict[str, Any]], count: int, show: bool) -> int:
    room = asyncio.Semaphore(_AT_ONCE)

    async with stubs.ranking() as ranking:

        async def asked(intent: str) -> Any:
            request = ranking_pb2.RecommendRequest(user_id=f"nobody-{uuid.uuid4()}", count=count, intent=intent)
            async with room:
                return (await ranking.Recommend(request)).slate

        slates = await asyncio.gather(*(asked(each["intent"]) for each in judged))
    shares, unjudged = defaultdict(list), 0
    for each, slate in zip(judged, slates, strict=True):
        if slate.degraded_reasons:
            raise CliError(f"the answer was degraded: {', '.join(slate.degraded_reasons)}")
        relevant = set(each["relevant"])
        hits = sum(item.item_id in relevant for item in slate.items)
        shares[each.get("set", "all")].append(hits / count)
        unjudged += sum(item.item_id not in each["judged"] for item in slate.items) if "judged" in each else 0
        print(f"{hits:>3}  {each['intent']}")
        if show:
            for item in slate.items:
                print(f"       {' ' if item.item_id in relevant else '-'} {item.title}")
    for name, of_set in shares.items():
        error = np.std(of_set, ddof=1) / np.sqrt(len(of_set)) if len(of_set) > 1 else 0.0
        print(f"{name}: {np.mean(of_set):.1%} ± {error:.1%} of {count} titles are on topic, {len(of_set)} intents")
    if unjudged:
        print(f"{unjudged} of the titles were not judged, and count as off topic")
    return 0


if __name__ == "__main__":
    sys.exit(main())
