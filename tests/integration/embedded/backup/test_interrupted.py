"""Backups and restores of full stores: asked for, killed, half done, of other versions."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import redis

from services.cli.backup.archive_reader import reading
from services.cli.backup.archive_writer import writing
from services.cli.backup.database_dump import read_state, snapshot
from services.core.bundle import list_versions
from services.plumbing.migrate import LOCK_KEY, known_revisions
from tests.integration.embedded.backup.command_line import begin, database, one, own_stack, refusal, trommel
from tests.integration.embedded.backup.conftest import MANY, Stores
from tests.integration.embedded.backup.rehearsal import Rehearsal
from tests.integration.embedded.conftest import eventually


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
