"""Backup, destroy, restore: nothing that was acknowledged is lost, and a backup that is damaged is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from trommel.catalog.v1 import catalog_pb2

from services.core.bundle import verify_bundle
from services.plumbing.bundle_pointer import read_pointer
from tests.integration.embedded.backup.command_line import database, one, own_stack, refusal
from tests.integration.embedded.backup.rehearsal import (
    EVENTS_A_USER,
    ITEM_COUNT,
    USER_COUNT,
    Rehearsal,
    Services,
    all_vectors,
    event,
    make_items,
)


def test_no_event_acknowledged_before_the_backup_is_lost(rehearsal: Rehearsal) -> None:
    with database(rehearsal.settings) as connection:
        found = {str(row[0]) for row in connection.execute("SELECT event_id FROM events").fetchall()}
    assert len(rehearsal.acknowledged) > USER_COUNT * EVENTS_A_USER
    assert found >= rehearsal.acknowledged


def test_every_item_comes_back_with_its_vectors(rehearsal: Rehearsal) -> None:
    services = Services(rehearsal.settings)
    assert services.items() == rehearsal.items
    assert len(rehearsal.items) == ITEM_COUNT
    services.close()
    assert all_vectors(rehearsal.settings) == rehearsal.vectors
    assert len(rehearsal.vectors) == ITEM_COUNT


def test_histories_are_the_same(rehearsal: Rehearsal) -> None:
    services = Services(rehearsal.settings)
    assert services.histories() == rehearsal.histories
    services.close()
    assert all(history.events and history.hidden_item_ids for history in rehearsal.histories)


def test_the_bundle_that_serves_and_the_one_before_come_back(rehearsal: Rehearsal) -> None:
    store = rehearsal.settings.bundles
    pointer = read_pointer(store)
    assert pointer is not None
    assert (pointer.version, pointer.previous) == ("20240103000000", "20240102000000")
    for version in (pointer.version, pointer.previous):
        assert verify_bundle(store / version).item_count == 20
    assert not (store / "20240101000000").exists()


def test_no_number_is_given_twice(rehearsal: Rehearsal) -> None:
    services = Services(rehearsal.settings)
    newest = int(str(one(rehearsal.settings, "SELECT max(seq) FROM events")))
    services.record(event("after", 1))
    services.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=make_items()[:1])]), timeout=30)
    services.close()
    assert int(str(one(rehearsal.settings, "SELECT seq FROM events WHERE event_id = 'after-1'"))) > newest
    revision = int(str(one(rehearsal.settings, "SELECT revision FROM items WHERE item_id = 'item-0'")))
    assert revision >= rehearsal.next_revision


def test_the_backup_says_what_is_in_it_and_is_private(rehearsal: Rehearsal) -> None:
    assert stat.S_IMODE(rehearsal.backup.stat().st_mode) == 0o600
    assert rehearsal.said["bundles"] == ["20240102000000", "20240103000000"]
    rows = rehearsal.said["rows"]
    assert isinstance(rows, dict)
    assert (rows["items"], rows["item_vectors"]) == (ITEM_COUNT, ITEM_COUNT)
    assert rows["events"] >= len(rehearsal.acknowledged)
    content = rehearsal.backup.read_bytes()
    for part in ("postgres", "redis"):
        assert (rehearsal.settings.root / part / "password").read_bytes().strip() not in content


def test_a_database_that_is_used_is_left_alone(rehearsal: Rehearsal) -> None:
    line = refusal(rehearsal.settings, "restore", str(rehearsal.backup), "--replace")
    assert "stop them first" in line


@pytest.mark.parametrize("damage", ["truncated", "a row altered", "the table of contents altered", "not a backup"])
def test_a_damaged_backup_is_refused(rehearsal: Rehearsal, tmp_path: Path, damage: str) -> None:
    content = bytearray(rehearsal.backup.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    elif damage == "a row altered":
        content[content.index(b"\x1f\x8b\x08") + 40] ^= 1
    elif damage == "the table of contents altered":
        at = content.index(b'"rows": ') + len(b'"rows": ')
        content[at : at + 1] = b"8" if content[at : at + 1] != b"8" else b"9"
    else:
        content = bytearray(b"hello\n" * 1000)
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(content)
    # No store is touched for it: there is none in this directory, and none is made.
    empty = own_stack(tmp_path / "data")
    line = refusal(empty, "restore", str(damaged))
    assert "damaged.tar" in line
    assert "backup" in line
    assert not empty.root.exists()
