"""`trommel events`: tell what a user did, and look at it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli import options
from services.cli.connection import DEFAULT_TIMEOUT_SECONDS
from services.cli.event_kind import EventKind

app = typer.Typer(help="Record what users do and look at it.", no_args_is_help=True)


@app.command(
    "add",
    epilog=options.examples(
        "trommel events add --user 1 --item 50 --item 181 --type like",
        "trommel events add --user 1 --item 50 --type rating --value 5",
    ),
)
def add(
    user: options.User,
    item: Annotated[list[str], typer.Option("--item", "-i", help="Item; may be repeated.")],
    kind: Annotated[EventKind, typer.Option("--type", "-t", help="What the user did.")] = EventKind.click,
    value: Annotated[float | None, typer.Option(help="Value of a rating.")] = None,
    dwell_seconds: Annotated[float | None, typer.Option(min=0, help="How long a view lasted.")] = None,
    time: Annotated[str | None, typer.Option(help="When: ISO 8601 or seconds since 1970; else now.")] = None,
    scenario: options.Scenario = "",
    request_id: Annotated[str, typer.Option(help="request_id of the slate that this answers.")] = "",
    event_id: Annotated[
        str | None, typer.Option(help="Idempotency key, for one item; else a new one. The same id counts once.")
    ] = None,
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """Record one event an item. Returns when they are committed; the next recommendation knows them."""
    import uuid

    from trommel.feedback.v1 import feedback_pb2 as wire

    from services.cli.cli_error import CliError
    from services.cli.connection import run
    from services.cli.exit_codes import USAGE
    from services.cli.stubs import feedback
    from services.cli.times import parse_time

    if event_id is not None and len(item) > 1:
        raise CliError("--event-id names one event: give one --item, or leave the id out", USAGE)
    request = wire.RecordEventsRequest()
    for one in item:
        event = request.events.add(
            event_id=uuid.uuid4().hex if event_id is None else event_id,
            user_id=options.user_id(user),
            item_id=one,
            scenario=scenario,
            type=wire.EventType.Value(f"EVENT_TYPE_{kind.value.upper()}"),
            request_id=request_id,
        )
        if value is not None:
            event.value = value
        try:
            if time is not None:
                event.time.FromMicroseconds(parse_time(time))
            if dwell_seconds is not None:
                event.dwell_time.FromMicroseconds(round(dwell_seconds * 1_000_000))
        except (ValueError, OverflowError):
            raise CliError("--time or --dwell-seconds is not a time: use 2024-05-01T12:00:00Z or 30", USAGE) from None

    async def send() -> Any:
        async with feedback() as service:
            return await service.RecordEvents(request, timeout=timeout_seconds)

    answer = run(send())
    _show_results(request.events, answer.results, as_json)
    rejected = [result.reason for result in answer.results if result.status == wire.EventResult.STATUS_REJECTED]
    if rejected:
        raise CliError(f"INVALID_ARGUMENT: {len(rejected)} of {len(item)} events rejected: {rejected[0]}")


@app.command("history", epilog=options.examples("trommel events history --user 1 --limit 10"))
def history(
    user: options.User,
    limit: Annotated[int, typer.Option(help="Most events to list.")] = 20,
    scenario: options.Scenario = "",
    timeout_seconds: options.Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: options.Json = False,
) -> None:
    """Show what a user did, newest first."""
    from trommel.feedback.v1 import feedback_pb2 as wire

    from services.cli.connection import run
    from services.cli.console import note, output, print_json
    from services.cli.stubs import feedback
    from services.cli.tables import table
    from services.cli.times import iso_time

    async def ask() -> Any:
        async with feedback() as service:
            request = wire.GetHistoryRequest(
                user_id=options.user_id(user), limit=options.int32(limit), scenario=scenario
            )
            return await service.GetHistory(request, timeout=timeout_seconds)

    answer = run(ask())
    rows = [
        {
            "item_id": event.item_id,
            "type": _kind(event.type),
            "time": iso_time(event.time.ToMicroseconds()),
            "value": event.value if event.HasField("value") else None,
            "scenario": event.scenario,
            "event_id": event.event_id,
        }
        for event in answer.events
    ]
    if as_json:
        hidden = sorted(answer.hidden_item_ids)
        print_json({"events": rows, "seen_item_ids": sorted(answer.seen_item_ids), "hidden_item_ids": hidden})
        return
    names = ["time", "type", "item_id", "value"]
    output().print(table(names, [["" if row[n] is None else str(row[n]) for n in names] for row in rows]))
    note(f"{len(rows)} events shown, {len(answer.seen_item_ids)} items met, {len(answer.hidden_item_ids)} hidden")


def _kind(number: int) -> str:
    from trommel.feedback.v1.feedback_pb2 import EventType

    return EventType.Name(number).removeprefix("EVENT_TYPE_").lower()


def _show_results(events: Any, results: Any, as_json: bool) -> None:
    from trommel.feedback.v1.feedback_pb2 import EventResult

    from services.cli.console import output, print_json
    from services.cli.tables import table

    rows = [
        {
            "event_id": result.event_id,
            "item_id": event.item_id,
            "status": EventResult.Status.Name(result.status).removeprefix("STATUS_").lower(),
            "reason": result.reason,
        }
        for event, result in zip(events, results, strict=True)
    ]
    if as_json:
        print_json({"results": rows})
        return
    output().print(
        table(
            ["item", "status", "event id", "reason"],
            [[row["item_id"][:128], row["status"], row["event_id"], row["reason"]] for row in rows],
        )
    )
