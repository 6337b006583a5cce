from __future__ import annotations

from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.snapshot import SnapshotBuilder


def test_items_keep_their_slots_and_older_snapshots_stay_as_they_were() -> None:
    builder = SnapshotBuilder()
    builder.apply([ItemChange(1, "a", "Alien", ("horror",)), ItemChange(2, "b", "Brazil", ("comedy",))])
    before = builder.build()
    builder.apply([ItemChange(3, "c", "Casablanca"), ItemChange(4, "a", "Aliens", ("horror", "war"))])
    after = builder.build()
    assert before.titles.tolist() == ["Alien", "Brazil"]
    assert after.titles.tolist() == ["Aliens", "Brazil", "Casablanca"]
    assert before.slots(["c", "b", "zzz", "a"]).tolist() == [1, 0]
    assert after.slots(["c", "b", "zzz", "a"]).tolist() == [2, 1, 0]
    assert (before.revision, after.revision) == (2, 4)
    assert before.in_categories(frozenset({"war"}), frozenset()).tolist() == [False, False]
    assert after.in_categories(frozenset({"war"}), frozenset()).tolist() == [True, False, False]
    assert after.in_categories(frozenset(), frozenset({"horror"})).tolist() == [False, True, True]


def test_a_deleted_item_is_gone_and_may_come_back() -> None:
    builder = SnapshotBuilder()
    builder.apply([ItemChange(1, "a"), ItemChange(2, "a", deleted=True)])
    gone = builder.build()
    assert not gone.has("a")
    assert gone.availability.open_at(0).tolist() == [False]
    assert builder.live_count == 0
    builder.apply([ItemChange(3, "a")])
    back = builder.build()
    assert back.has("a")
    assert back.availability.open_at(0).tolist() == [True]
    assert len(back) == 1


def test_a_catalog_never_read_has_no_revision_and_an_empty_one_has_0() -> None:
    builder = SnapshotBuilder()
    assert builder.build().revision is None
    builder.apply(())
    assert builder.build().revision == 0
