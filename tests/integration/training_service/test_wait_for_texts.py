"""The wait for texts on a real PostgreSQL: what counts as waiting, and what the run after it knows of its items."""

from __future__ import annotations

import pytest

from services.training.run_record import RunParameters
from services.training.steps.fit_progress import TrainingStoppedError
from services.training.steps.make_bundle import make_bundle
from services.training.steps.snapshot import take_snapshot
from services.training.steps.wait_for_texts import open_text_queue, wait_for_texts


@pytest.fixture
def write_item(database, tenant):
    def write(item, *, encoded=False, waits=False, attempts=0, deleted=False, tenant=tenant):
        database.execute(
            "INSERT INTO items (tenant, item_id, title, deleted_at) VALUES (%s, %s, %s, CASE WHEN %s THEN now() END)",
            (tenant, item, item, deleted),
        )
        if encoded:
            encode(database, tenant, item)
        if waits:
            database.execute(
                "INSERT INTO text_jobs (tenant, item_id, revision, attempts) VALUES (%s, %s, 1, %s)",
                (tenant, item, attempts),
            )

    return write


def encode(database, tenant, item):
    database.execute("DELETE FROM text_jobs WHERE tenant = %s AND item_id = %s", (tenant, item))
    database.execute(
        "INSERT INTO item_vectors (tenant, item_id, name, \"values\") VALUES (%s, %s, 'text', %s)",
        (tenant, item, [1.0, 0.0]),
    )


def test_what_waits_and_what_is_encoded(settings, write_item, tenant):
    write_item("encoded", encoded=True)
    write_item("gone", encoded=True, deleted=True)
    write_item("again", encoded=True, waits=True)
    write_item("waits", waits=True, attempts=4)
    write_item("parked", waits=True, attempts=5)
    write_item("elsewhere", waits=True, encoded=True, tenant=f"{tenant}-other")
    with open_text_queue(settings.database_url, tenant) as queue:
        assert (queue.encoded(), queue.waiting()) == (1, 2)


def test_what_was_given_up_keeps_no_run_waiting(settings, write_item, tenant):
    write_item("parked", waits=True, attempts=5)
    slept = []
    with open_text_queue(settings.database_url, tenant) as queue:
        assert wait_for_texts(queue, 60, slept.append, lambda: False, sleep=slept.append) == 0
    assert slept == []


def test_the_snapshot_after_the_wait_has_the_texts(settings, write_item, database, tenant):
    items = ["a", "b", "c"]
    for item in items:
        write_item(item, waits=True)
    said = []
    with open_text_queue(settings.database_url, tenant) as queue:

        def encode_one(seconds):
            del seconds
            encode(database, tenant, items[len(said) - 1])

        assert wait_for_texts(queue, 60, said.append, lambda: False, sleep=encode_one) == 0
    assert said == ["0 of 3 encoded", "1 of 3 encoded", "2 of 3 encoded"]
    contents = take_snapshot(settings.database_url, tenant).log.contents
    assert [sorted(content.vectors) for content in contents] == [[], ["text"], ["text"], ["text"]]


def test_a_run_waits_before_its_snapshot_and_one_that_is_resumed_does_not(settings, write_item, database, tenant):
    for user in range(6):
        for item in range(12):
            database.execute(
                "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time) "
                "VALUES (%s, %s, %s, %s, 2, now())",
                (tenant, f"{user}-{item}", f"u{user}", f"i{item}"),
            )
    write_item("i0", waits=True)
    said = []

    def say(step, share, message, metrics):
        del share, metrics
        said.append((step, message))
        if step == "texts":
            encode(database, tenant, "i0")

    def has_snapshot():
        return [step for step, _ in said].count("snapshot") == 2

    with pytest.raises(TrainingStoppedError):
        make_bundle(settings, "run", RunParameters(max_epochs=1), say, has_snapshot)
    assert said[0] == ("texts", "0 of 1 encoded")
    assert [step for step, _ in said[1:3]] == ["snapshot", "snapshot"]

    database.execute("INSERT INTO text_jobs (tenant, item_id, revision) VALUES (%s, 'i0', 2)", (tenant,))
    said.clear()
    manifest = make_bundle(settings, "run", RunParameters(max_epochs=1), say, lambda: False)
    assert "texts" not in [step for step, _ in said]
    assert manifest.training["texts"] == 1
