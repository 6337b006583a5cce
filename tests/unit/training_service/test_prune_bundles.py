from __future__ import annotations

from services.training.steps.prune_bundles import versions_to_remove


def test_the_newest_stay_and_so_does_what_is_spared():
    versions = ["1", "2", "3", "4", "5"]
    assert versions_to_remove(versions, 2, set()) == ["1", "2", "3"]
    assert versions_to_remove(versions, 2, {"1", "5"}) == ["2", "3"]
    assert versions_to_remove(versions, 5, set()) == []
    assert versions_to_remove([], 2, {"1"}) == []
