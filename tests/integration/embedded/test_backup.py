"""Backup, destroy, restore: the command line against real stores, while the services take events."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psycopg
import pytest
import redis
from trommel.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.cli.app import run
from services.cli.backup.archive_reader import reading
from services.cli.backup.archive_writer import writing
from services.cli.backup.database_dump import read_state, snapshot
from services.core.bundle import list_versions, verify_bundle
from services.embedded import StackSettings, down, up
from services.plumbing.bundle_pointer import read_pointer, write_pointer
from services.plumbing.migrate import LOCK_KEY, known_revisions, migrate
from tests.bundle_maker import make_bundle
from tests.free_ports import free_port_base
from tests.integration.embedded.conftest import eventually

SOURCE = Path(__file__).parents[3]
PARTS = ("postgres", "redis", "candidates", "feedback")
ITEM_COUNT = 120
USER_COUNT = 20
EVENTS_A_USER = 15
# Enough that a table takes long enough to be caught half-way.
MANY = 80_000
RECORDED = feedback_pb2.EventResult.STATUS_RECORDED


def environment(settings: StackSettings, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    paths = f"{SOURCE}{os.pathsep}{SOURCE / 'protos'}"
    own = {"TROMMEL_DATA_DIR": str(settings.root), "TROMMEL_PORT_BASE": str(settings.port_base), "PYTHONPATH": paths}
    return kept | own | more


def begin(settings: StackSettings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli.app", *arguments],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(settings: StackSettings, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code, output and notes."""
    output, notes = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(notes):
        for name in [name for name in os.environ if name.startswith("TROMMEL_")]:
            patch.delenv(name)
        for name, value in environment(settings, **more).items():
            patch.setenv(name, value)
        code = run(arguments)
    return code, output.getvalue(), notes.getvalue()


def trommel(settings: StackSettings, *arguments: str, **more: str) -> dict[str, Any]:
    """Run a command line that must do well; return its JSON."""
    code, output, notes = call(settings, *arguments, "--json", **more)
    assert code == 0, notes
    answer = json.loads(output)
    assert isinstance(answer, dict)
    return answer


def refusal(settings: StackSettings, *arguments: str) -> str:
    """Run a command line that must fail; return the one line that says why."""
    code, output, notes = call(settings, *arguments)
    assert code == 1, output + notes
    lines = [line for line in notes.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, notes
    assert "Traceback" not in notes
    return lines[0]


def database(settings: StackSettings) -> psycopg.Connection[tuple[object, ...]]:
    record = json.loads((settings.root / "stack.json").read_text())
    return psycopg.connect(record["environment"]["TROMMEL_DATABASE_URL"], autocommit=True, application_name="test")


def one(settings: StackSettings, statement: str) -> object:
    with database(settings) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def own_stack(root: Path) -> StackSettings:
    return StackSettings(data_dir=root, port_base=free_port_base(), database_url=None, redis_url=None, triton_url=None)


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


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    base = tmp_path_factory.mktemp("rehearsal")
    made = Rehearsal(own_stack(base / "data"), base / "backup.tar")
    try:
        up(made.settings, only=PARTS)
        fill(made)
        down(made.settings)
        shutil.rmtree(made.settings.root)
        trommel(made.settings, "restore", str(made.backup))
        up(made.settings, only=PARTS)
        yield made
    finally:
        down(made.settings)


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


@dataclass(frozen=True)
class Stores:
    """PostgreSQL and Redis with much in them, and a backup of it."""

    settings: StackSettings
    backup: Path

    def check_whole(self) -> None:
        assert one(self.settings, "SELECT count(*) FROM events") == MANY


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    base = tmp_path_factory.mktemp("stores")
    made = Stores(own_stack(base / "data"), base / "backups")
    made.backup.mkdir()
    try:
        database_url = up(made.settings, only=("postgres", "redis")).environment["TROMMEL_DATABASE_URL"]
        migrate(database_url)
        with database(made.settings) as connection:
            connection.execute(
                "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time)"
                " SELECT 'default', n::text, 'user-' || n % 1000, 'item-' || n % 500, 2, now() FROM"
                f" generate_series(1, {MANY}) AS n"
            )
        trommel(made.settings, "backup", str(made.backup))
        yield made
    finally:
        down(made.settings)


def test_stores_behind_urls_are_filled_and_read_and_nothing_is_started(
    rehearsal: Rehearsal, stores: Stores, tmp_path: Path
) -> None:
    known = json.loads((stores.settings.root / "stack.json").read_text())["environment"]
    elsewhere = {
        "TROMMEL_DATABASE_URL": known["TROMMEL_DATABASE_URL"].removesuffix("/trommel") + "/another",
        "TROMMEL_REDIS_URL": known["TROMMEL_REDIS_URL"],
        "TROMMEL_BUNDLE_STORE": str(tmp_path / "store"),
    }
    nothing = own_stack(tmp_path / "data")
    with database(stores.settings) as connection:
        connection.execute("CREATE DATABASE another")
    said = trommel(nothing, "restore", str(rehearsal.backup), **elsewhere)
    assert said["rows"] == rehearsal.said["rows"]
    assert sorted(said["bundles"]) == list_versions(tmp_path / "store")
    again = trommel(nothing, "backup", str(tmp_path / "again.tar"), **elsewhere)
    same = ("rows", "bundles", "active_bundle", "schema_revision")
    assert {name: again[name] for name in same} == {name: rehearsal.said[name] for name in same}
    assert not nothing.root.exists()
    stores.check_whole()


def test_a_full_database_is_replaced_only_when_that_is_asked_for(stores: Stores) -> None:
    with database(stores.settings) as connection:
        connection.execute("DELETE FROM events WHERE event_id = '7'")
        connection.execute("INSERT INTO slates (tenant, request_id, user_id) VALUES ('another', 'r', 'u')")
        connection.execute("SELECT setval('events_seq_seq', 1000000)")
    url = json.loads((stores.settings.root / "stack.json").read_text())["environment"]["TROMMEL_REDIS_URL"]
    with redis.Redis.from_url(url) as cache:
        for tenant in ("default", "another"):
            cache.set(f"trommel:{tenant}:known:u", "1")
        cache.set("trommel:celery:kept", "1")
        assert "--replace" in refusal(stores.settings, "restore", str(stores.backup))
        assert one(stores.settings, "SELECT count(*) FROM events") == MANY - 1
        said = trommel(stores.settings, "restore", str(stores.backup), "--replace")
        assert cache.keys("trommel:*known*") == []
        assert cache.get("trommel:celery:kept") == b"1"
    assert said["tenants"] == ["another", "default"]
    stores.check_whole()
    assert one(stores.settings, "SELECT count(*) FROM slates") == 0
    assert one(stores.settings, "SELECT nextval('events_seq_seq')") == 1_000_001


def test_a_restore_that_is_killed_changes_nothing_and_can_be_done_again(stores: Stores) -> None:
    with database(stores.settings) as connection:
        connection.execute("DELETE FROM events WHERE event_id = '8'")
        process = begin(stores.settings, "restore", str(stores.backup), "--replace")
        copying = "SELECT coalesce(max(tuples_processed), 0) FROM pg_stat_progress_copy WHERE command = 'COPY FROM'"

        def is_half_way() -> bool:
            row = connection.execute(copying).fetchone()
            return row is not None and int(str(row[0])) > MANY // 20

        eventually(is_half_way, "rows are restored")
        process.send_signal(signal.SIGKILL)
        _, notes = process.communicate()
        assert process.returncode == -signal.SIGKILL, notes
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trommel-restore'"
        eventually(lambda: connection.execute(sessions).fetchone() == (0,), "PostgreSQL noticed")
    assert one(stores.settings, "SELECT count(*) FROM events") == MANY - 1
    trommel(stores.settings, "restore", str(stores.backup), "--replace")
    stores.check_whole()


def test_a_backup_that_is_killed_leaves_no_file_of_its_name(stores: Stores, tmp_path: Path) -> None:
    target = tmp_path / "killed.tar"
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = begin(stores.settings, "backup", str(target))
        part = tmp_path / f".killed.tar.{process.pid}.part"
        eventually(part.exists, "the backup is written")
        process.send_signal(number)
        process.communicate()
        assert process.returncode != 0
        assert not target.exists()
        # Whoever is asked to end tidies up.
        assert part.exists() == (number == signal.SIGKILL)


def test_a_migration_waits_for_a_backup_and_writers_do_not(stores: Stores) -> None:
    url = json.loads((stores.settings.root / "stack.json").read_text())["environment"]["TROMMEL_DATABASE_URL"]
    free = f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})"
    insert = "INSERT INTO items (tenant, item_id) VALUES ('default', 'meanwhile')"
    with database(stores.settings) as connection:
        with snapshot(url) as reading_connection, snapshot(url):
            before = read_state(reading_connection, "default")
            assert connection.execute(free).fetchone() == (False,)
            connection.execute(insert)
            assert reading_connection.execute("SELECT count(*) FROM items").fetchone() == (0,)
        # A session that was closed gives its locks back a moment later.
        eventually(lambda: connection.execute(free).fetchone() == (True,), "the lock is free")
        connection.execute("CREATE TABLE of_somebody_else (x int)")
        with snapshot(url) as reading_connection:
            after = read_state(reading_connection, "default")
        connection.execute("DROP TABLE of_somebody_else")
        connection.execute("DELETE FROM items")
    assert (before.strangers, after.strangers) == ((), ("of_somebody_else",))
    assert after.sequences["item_revision_seq"] == before.sequences["item_revision_seq"] + 1


def test_a_name_that_is_taken_is_refused_before_the_work(stores: Stores, tmp_path: Path) -> None:
    taken = tmp_path / "taken.tar"
    taken.write_text("yesterday's")
    assert "is there already" in refusal(stores.settings, "backup", str(taken))
    assert taken.read_text() == "yesterday's"
    assert "make that directory" in refusal(stores.settings, "backup", str(tmp_path / "none" / "x.tar"))


def test_an_older_backup_is_migrated_and_a_newer_one_refused(stores: Stores, tmp_path: Path) -> None:
    def rewritten(revision: str, tables: set[str]) -> Path:
        """The same backup as a version with that schema would have written it."""
        source = next(stores.backup.glob("*.tar"))
        target = tmp_path / f"{revision}.tar"
        with reading(source) as archive, writing(target) as writer:
            kept = {name: entry for name, entry in archive.manifest.tables.items() if name in tables}
            for entry in kept.values():
                for part in entry.parts:
                    with archive.open(part) as stream:
                        writer.add_bytes(part, stream.read())
            writer.seal(lambda files: replace(archive.manifest, revision=revision, tables=kept, files=files))
        return target

    newer = refusal(stores.settings, "restore", str(rewritten("9999", {"events"})), "--replace")
    assert "revision 9999" in newer
    assert one(stores.settings, "SELECT to_regclass('text_jobs') IS NOT NULL")
    said = trommel(stores.settings, "restore", str(rewritten("0002", {"events"})), "--replace")
    assert said["schema_revision"] == known_revisions()[-1]
    assert one(stores.settings, "SELECT version_num FROM alembic_version") == known_revisions()[-1]
    assert one(stores.settings, "SELECT count(*) FROM text_jobs") == 0
    stores.check_whole()
