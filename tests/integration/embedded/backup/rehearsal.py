"""A backup under writes, what was there before, and the services that say so."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
from trommel.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.embedded import StackSettings
from services.plumbing.bundle_pointer import write_pointer
from tests.bundle_maker import make_bundle
from tests.integration.embedded.backup.command_line import database, one, trommel
from tests.integration.embedded.conftest import eventually

PARTS = ("postgres", "redis", "candidates", "feedback")
ITEM_COUNT = 120
USER_COUNT = 20
EVENTS_A_USER = 15
RECORDED = feedback_pb2.EventResult.STATUS_RECORDED


def event(user: str, number: int) -> feedback_pb2.Event:
    made = feedback_pb2.Event(
        event_id=f"{user}-{number}",
        user_id=user,
        item_id=f"item-{number % ITEM_COUNT}",
        type=feedback_pb2.EVENT_TYPE_HIDE if number % 7 == 3 else feedback_pb2.EVENT_TYPE_RATING,
        value=number / 3,
    )
    made.time.FromNanoseconds((1_700_000_000 + number) * 10**9 + 123_456_000)
    return made


class Services:
    """Stubs of a stack's services."""

    def __init__(self, settings: StackSettings) -> None:
        self._channels = [grpc.insecure_channel(f"127.0.0.1:{settings.port_base + offset}") for offset in (1, 3)]
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channels[0])
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(self._channels[1])

    def record(self, *events: feedback_pb2.Event) -> None:
        answer = self.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=30)
        assert {result.status for result in answer.results} == {RECORDED}

    def histories(self) -> list[feedback_pb2.GetHistoryResponse]:
        requests = [feedback_pb2.GetHistoryRequest(user_id=f"user-{user}") for user in range(USER_COUNT)]
        return [self.feedback.GetHistory(request, timeout=30) for request in requests]

    def items(self) -> dict[str, bytes]:
        """Every item as it travels; the catalog's answers leave vectors out."""
        page = self.catalog.ListItems(catalog_pb2.ListItemsRequest(page_size=1000), timeout=30)
        return {item.id: item.SerializeToString(deterministic=True) for item in page.items}

    def close(self) -> None:
        for channel in self._channels:
            channel.close()


def make_items() -> list[catalog_pb2.Item]:
    random = np.random.default_rng(0)
    items = []
    for number in range(ITEM_COUNT):
        item = catalog_pb2.Item(
            id=f"item-{number}",
            title=f"Title\t{number}\n\\N",
            text="Ein Satz – mit «Zeichen»",
            categories=["a,b", "{}"],
        )
        item.attributes.update({"year": 1990 + number, "quote": '"\\'})
        item.vectors["image"].values.extend(random.standard_normal(16).astype(np.float32).tolist())
        items.append(item)
    return items


@dataclass
class Rehearsal:
    """What was there before everything was destroyed, and the stack that was restored from the backup."""

    settings: StackSettings
    backup: Path
    said: dict[str, object] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    items: dict[str, bytes] = field(default_factory=dict)
    vectors: list[tuple[object, ...]] = field(default_factory=list)
    histories: list[feedback_pb2.GetHistoryResponse] = field(default_factory=list)
    next_revision: int = 0


def all_vectors(settings: StackSettings) -> list[tuple[object, ...]]:
    with database(settings) as connection:
        return connection.execute("SELECT * FROM item_vectors ORDER BY item_id, name").fetchall()


def fill(rehearsal: Rehearsal) -> None:
    """Items, events, a bundle; a backup while a writer goes on."""
    settings = rehearsal.settings
    make_bundle(settings.bundles, "20240101000000", item_count=20)
    make_bundle(settings.bundles, "20240102000000", item_count=20)
    make_bundle(settings.bundles, "20240103000000", item_count=20)
    for version in ("20240101000000", "20240102000000", "20240103000000"):
        write_pointer(settings.bundles, version)
    services = Services(settings)
    chunk = catalog_pb2.UpsertItemsRequest(items=make_items())
    assert services.catalog.UpsertItems(iter([chunk]), timeout=30).upserted_count == ITEM_COUNT
    for user in range(USER_COUNT):
        services.record(*(event(f"user-{user}", number) for number in range(EVENTS_A_USER)))
        rehearsal.acknowledged |= {f"user-{user}-{number}" for number in range(EVENTS_A_USER)}
    rehearsal.items, rehearsal.histories = services.items(), services.histories()
    rehearsal.vectors = all_vectors(settings)

    written: list[str] = []
    enough = threading.Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            batch = [event("writer", number + step) for step in range(5)]
            services.record(*batch)
            written.extend(one.event_id for one in batch)
            number += 5

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: len(written) > 50, "the writer writes")
    rehearsal.acknowledged |= set(written)
    before = len(written)
    rehearsal.said = trommel(settings, "backup", str(rehearsal.backup))
    during = len(written) - before
    enough.set()
    writer.join()
    services.close()
    assert during > 0, "nothing was written while the backup was taken"
    rehearsal.next_revision = int(str(one(settings, "SELECT last_value + 1 FROM item_revision_seq")))
