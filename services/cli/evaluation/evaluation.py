"""One evaluation: histories, the leak check, served slates, popularity, figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.evaluation.leave_one_out import LIST_ITEMS, read_histories, serve_all
from services.cli.evaluation.scores import score
from services.cli.importing.holdout import HeldOutEvent
from services.cli.output_file import write_output
from services.cli.progress import progress


async def evaluate_served(held_out: Sequence[HeldOutEvent], scenario: str, predictions: Path | None) -> dict[str, Any]:
    """Measure the running stack.

    Args:
        held_out: One event a user that the stack was never told.
        scenario: Scenario of the requests.
        predictions: Where the served lists are written, `user<TAB>item item …`; None writes none.

    Raises:
        CliError: A held-out event is in its user's history after all, or no call succeeded.
    """
    started = time.monotonic()
    users = [event.user_id for event in held_out]
    async with stubs.feedback() as feedback:
        with progress("histories", total=len(users), unit="users") as shown:
            histories = await read_histories(feedback, users, shown.update)
    leaks = histories.leaks(held_out)
    if leaks:
        raise CliError(
            f"{len(leaks)} of {len(held_out)} held-out events are in their user's history "
            f"(user {leaks[0].user_id[:64]}, item {leaks[0].item_id[:64]}): import with --holdout last "
            "into a stack that never saw them"
        )
    async with stubs.ranking() as ranking:
        with progress("slates", total=len(users), unit="users") as shown:
            served = await serve_all(ranking, users, scenario, shown.update)
    if not served.lists:
        raise CliError(f"no slate came back ({', '.join(served.failures)}): see trommel doctor")
    if predictions is not None:
        write_predictions(predictions, served.lists)
    items = list(histories.user_counts)
    popular = {user: histories.popular(user, LIST_ITEMS) for user in users}
    all_items = sorted({*items, *(event.item_id for event in held_out)})
    return {
        "users": len(users),
        "items": len(all_items),
        "served": score(served.lists, held_out, all_items),
        "popularity": score(popular, held_out, all_items),
        "bundle_versions": dict(served.bundle_versions),
        "degraded_answers": sum(served.degraded.values()),
        "degraded_reasons": dict(served.degraded),
        "failed_calls": sum(served.failures.values()),
        "leaked_events": 0,
        "seconds": round(time.monotonic() - started, 1),
    }


def write_predictions(path: Path, lists: dict[str, list[str]]) -> None:
    """Write `user<TAB>item item …`, a line a user. Raises CliError."""
    write_output(path, (f"{user}\t{' '.join(items)}\n" for user, items in lists.items()))
