"""The snapshot against a real PostgreSQL: what is taken, in which order, and when it is too little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.training.steps.snapshot import (
    TooLittleDataError,
    check_enough,
    load_snapshot,
    save_snapshot,
    take_snapshot,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
IMPRESSION, CLICK, VIEW, LIKE, DISLIKE, RATING, PURCHASE, HIDE = range(1, 9)


@pytest.fixture
def record(database, tenant):
    def add(user, item, kind, seconds, value=None, scenario="default"):
        count = database.execute("SELECT count(*) FROM events WHERE tenant = %s", (tenant,)).fetchone()[0]
        database.execute(
            "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time, value, scenario) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (tenant, str(count), user, item, kind, START + timedelta(seconds=seconds), value, scenario),
        )

    return add


@pytest.fixture
def catalog(database, tenant):
    def add(item, *, deleted=False, categories=(), tenant=tenant):
        database.execute(
            "INSERT INTO items (tenant, item_id, deleted_at, categories) VALUES (%s, %s, %s, %s)",
            (tenant, item, START if deleted else None, list(categories)),
        )

    return add


def test_interactions_in_time_order_with_ties_as_received(settings, record, catalog):
    for item in ("b", "a", "gone"):
        catalog(item, deleted=item == "gone")
    record("u", "b", CLICK, 5)
    record("u", "z", RATING, 5, value=4.5, scenario="movies/home")
    record("u", "a", VIEW, 5)
    record("v", "a", PURCHASE, 9)
    record("u", "b", LIKE, 0.000001)
    for kind in (IMPRESSION, DISLIKE, HIDE):
        record("w", "never", kind, 1)
    log, scenarios = take_snapshot(settings.database_url, settings.tenant)
    assert log.item_ids.tolist() == ["", "a", "b", "z"]
    assert [log.item_ids[rows].tolist() for rows in log.sequences()] == [["b", "b", "z", "a"], ["a"]]
    micros = int(START.timestamp()) * 1_000_000
    assert (log.times - micros).tolist() == [1, 5_000_000, 5_000_000, 5_000_000, 9_000_000]
    assert np.isnan(log.values).tolist() == [True, True, False, True, True]
    assert log.values[2] == np.float32(4.5)
    assert scenarios == ("default", "movies/home")


def test_an_item_deleted_from_the_catalog_stays_known_while_somebody_took_it(settings, record, catalog):
    catalog("old", deleted=True)
    record("u", "old", CLICK, 1)
    log, _ = take_snapshot(settings.database_url, settings.tenant)
    assert log.item_ids.tolist() == ["", "old"]


def test_categories_become_attributes_and_are_kept(settings, record, catalog, tenant, tmp_path):
    catalog("a", categories=["drama", "rare"])
    catalog("b", categories=["war", "drama"])
    catalog("c", categories=["war"])
    catalog("elsewhere", categories=["drama"], tenant=f"{tenant}-other")
    for item in ("a", "b", "c", "elsewhere"):
        record("u", item, CLICK, 1)
    snapshot = take_snapshot(settings.database_url, settings.tenant)
    assert snapshot.log.item_ids.tolist() == ["", "a", "b", "c", "elsewhere"]
    known = snapshot.log.attributes
    assert known.count == 2
    assert known.starts.tolist() == [0, 0, 1, 3, 4, 4]
    save_snapshot(tmp_path / "kept.npz", snapshot)
    again = load_snapshot(tmp_path / "kept.npz").log.attributes
    assert again.codes.tolist() == known.codes.tolist()
    assert (again.starts.tolist(), again.count) == (known.starts.tolist(), known.count)


def test_what_was_last_known_of_users_comes_from_their_slates(settings, record, database, tenant, tmp_path):
    def slate(user, seconds, context, tenant=tenant):
        database.execute(
            "INSERT INTO slates (tenant, request_id, user_id, served_at, context) VALUES (%s, %s, %s, %s, %s::jsonb)",
            (tenant, f"{user}-{seconds}", user, START + timedelta(seconds=seconds), context),
        )

    record("u", "a", CLICK, 1)
    record("v", "a", CLICK, 2)
    slate("u", 1, '{"age": "33"}')
    slate("u", 2, '{"age": "34", "device": "tv"}')
    slate("u", 3, "{}")
    slate("who-took-nothing", 3, '{"age": "70"}')
    slate("v", 3, '{"age": "12"}', tenant=f"{tenant}-other")
    snapshot = take_snapshot(settings.database_url, settings.tenant)
    assert snapshot.log.contexts == [{"age": "34", "device": "tv"}, {}]
    save_snapshot(tmp_path / "kept.npz", snapshot)
    assert load_snapshot(tmp_path / "kept.npz").log.contexts == snapshot.log.contexts


def test_scenarios_of_items_are_known_and_kept(settings, record, catalog, database, tenant, tmp_path):
    for item in ("a", "b", "c", "d"):
        catalog(item, categories=["war"])
        record("u", item, CLICK, 1)
    database.execute("UPDATE items SET scenario = 'goods' WHERE tenant = %s AND item_id IN ('c', 'd')", (tenant,))
    snapshot = take_snapshot(settings.database_url, settings.tenant)
    assert [content.scenario for content in snapshot.log.contents] == ["", "default", "default", "goods", "goods"]
    assert snapshot.log.attributes.count == 3
    save_snapshot(tmp_path / "kept.npz", snapshot)
    kept = load_snapshot(tmp_path / "kept.npz").log
    assert [content.scenario for content in kept.contents] == [content.scenario for content in snapshot.log.contents]


def test_no_data_is_too_little_data(settings):
    log, scenarios = take_snapshot(settings.database_url, settings.tenant)
    assert (len(log), log.item_count, log.user_count, scenarios) == (0, 0, 0, ())
    with pytest.raises(TooLittleDataError, match="0 events of 0 users on 0 items are too few to train on"):
        check_enough(log, events=1, users=1, user_events=3, items=2)


def test_a_kept_snapshot_is_the_same_snapshot(settings, record, tmp_path):
    record("u", "a", CLICK, 1)
    record("u", "b", RATING, 2, value=3.0)
    snapshot = take_snapshot(settings.database_url, settings.tenant)
    save_snapshot(tmp_path / "run" / "snapshot.npz", snapshot)
    kept = load_snapshot(tmp_path / "run" / "snapshot.npz")
    assert kept.scenario_ids == snapshot.scenario_ids
    for name in ("item_ids", "starts", "rows", "times", "values"):
        np.testing.assert_array_equal(getattr(kept.log, name), getattr(snapshot.log, name))
    assert load_snapshot(tmp_path / "none.npz") is None
    (tmp_path / "torn.npz").write_bytes((tmp_path / "run" / "snapshot.npz").read_bytes()[:100])
    assert load_snapshot(tmp_path / "torn.npz") is None
