from __future__ import annotations

import asyncio

import pytest

from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.replica import CatalogReplica
from services.core.errors import UnavailableError


class Feed:
    """A catalog in a dictionary; pages of two."""

    def __init__(self) -> None:
        self.rows: dict[str, ItemChange] = {}
        self.away = False
        self.pages = 0

    def write(self, revision: int, item_id: str, title: str = "") -> None:
        self.rows[item_id] = ItemChange(revision, item_id, title)

    async def newest_revision(self) -> int:
        if self.away:
            raise UnavailableError("away")
        return max((row.revision for row in self.rows.values()), default=0)

    async def changes_after(self, revision: int) -> list[ItemChange]:
        if self.away:
            raise UnavailableError("away")
        self.pages += 1
        return sorted((r for r in self.rows.values() if r.revision > revision), key=lambda r: r.revision)[:2]


async def test_it_reads_all_pages_and_then_only_what_changed() -> None:
    feed = Feed()
    for n in range(1, 6):
        feed.write(n, f"i{n}")
    replica = CatalogReplica(feed)
    await replica.refresh()
    assert sorted(replica.snapshot.item_ids) == [f"i{n}" for n in range(1, 6)]
    before = replica.snapshot
    await replica.refresh()
    assert replica.snapshot is before, "nothing changed, nothing is made anew"
    feed.write(9, "i2", "new title")
    await replica.refresh()
    assert len(replica.snapshot) == 5
    assert replica.snapshot.titles[replica.snapshot.slots(["i2"])[0]] == "new title"


async def test_a_restored_backup_is_read_anew() -> None:
    feed = Feed()
    feed.write(10, "a")
    feed.write(11, "b")
    replica = CatalogReplica(feed)
    await replica.refresh()
    feed.rows = {"a": ItemChange(3, "a")}
    await replica.refresh()
    assert replica.snapshot.item_ids.tolist() == ["a"]
    assert replica.snapshot.revision == 3


async def test_while_the_database_is_away_the_last_snapshot_serves_on() -> None:
    feed = Feed()
    feed.write(1, "a")
    replica = CatalogReplica(feed)
    await replica.refresh()
    feed.away = True
    with pytest.raises(UnavailableError):
        await replica.refresh()
    assert replica.snapshot.item_ids.tolist() == ["a"]


async def test_a_start_without_the_database_does_not_wait_long_and_catches_up() -> None:
    feed = Feed()
    feed.write(1, "a")
    feed.away = True
    replica = CatalogReplica(feed)
    async with replica.following(interval_seconds=0.01, start_seconds=0.05):
        assert replica.snapshot.revision is None
        feed.away = False
        async with asyncio.timeout(5):
            while replica.snapshot.revision is None:  # noqa: ASYNC110 - it is what callers do
                await asyncio.sleep(0.01)
        assert replica.snapshot.has("a")
