"""One import from the first reading to the last acknowledged event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trommel.catalog.v1 import catalog_pb2
from trommel.feedback.v1 import feedback_pb2

from services.cli import stubs
from services.cli.cli_error import CliError
from services.cli.importing.event_sender import Sent, send_events
from services.cli.importing.holdout import write_holdout
from services.cli.importing.item_sender import missing_items, send_items
from services.cli.importing.messages import NumberedEvent, events_of, items_of
from services.cli.importing.preflight import Preflight, check
from services.cli.importing.tally import Tally
from services.cli.progress import progress
from services.cli.readers.records import Dataset


def preflight(dataset: Dataset, scenario: str, *, holdout: bool) -> Preflight:
    """Read the data set once, with progress shown.

    Raises:
        CliError: Nothing in it can be imported.
    """
    with progress("preflight", total=None, unit="rows") as shown:
        found = check(dataset, scenario, holdout=holdout, report=shown.update)
    if not found.items.accepted and not found.events.accepted:
        reasons = found.events.to_json()["reasons"] or found.items.to_json()["reasons"]
        why = f"line {reasons[0]['first_lines'][0]}: {reasons[0]['reason']}" if reasons else "there are no rows"
        raise CliError(f"nothing in {dataset.name} can be imported: {why}")
    return found


async def import_dataset(
    dataset: Dataset, scenario: str, found: Preflight, holdout_path: Path | None
) -> dict[str, Any]:
    """Send what the preflight accepted; return what the services made of it.

    Args:
        dataset: The data set, read a second time.
        scenario: Scenario of rows that name none.
        found: The preflight of the same data set.
        holdout_path: Where the events that were held out are written; None keeps none back.
    """
    if holdout_path is not None:
        # Written first: whoever finds events in the stack also finds what must not be there.
        write_holdout(holdout_path, found.held_out)
    items = await _send_items(dataset, scenario, found)
    sent = await _send_events(dataset, scenario, found)
    return {
        "items": items.to_json(),
        "events": {
            "recorded": sent.recorded,
            "already_there": sent.duplicate,
            "rejected": sent.rejected.rejected,
            "reasons": sent.rejected.to_json()["reasons"],
        },
        "holdout_file": None if holdout_path is None else str(holdout_path),
    }


async def _send_items(dataset: Dataset, scenario: str, found: Preflight) -> Tally:
    listed = (item for item in items_of(dataset, scenario) if isinstance(item, catalog_pb2.Item))
    async with stubs.catalog() as service:
        # What only events name must be in the catalog too, or nobody could be recommended it.
        bare = await missing_items(service, found.unlisted)
        total = found.items.accepted + len(bare)
        with progress("items", total=total, unit="items") as shown:
            tally = await send_items(service, listed, shown.update)
            if bare:
                named = (catalog_pb2.Item(id=item_id, scenario=scenario) for item_id in bare)
                rest = await send_items(service, named, lambda done: shown.update(tally.read + done))
                tally.accepted += rest.accepted
                tally.rejected += rest.rejected
    return tally


async def _send_events(dataset: Dataset, scenario: str, found: Preflight) -> Sent:
    held_out = {event.ordinal for event in found.held_out.values()}

    def wanted() -> Iterator[feedback_pb2.Event]:
        for event in events_of(dataset, scenario):
            if isinstance(event, NumberedEvent) and event.ordinal not in held_out:
                yield event.message

    with progress("events", total=found.events.accepted - len(held_out), unit="events") as shown:
        async with stubs.feedback() as service:
            return await send_events(service, wanted(), shown.update)
