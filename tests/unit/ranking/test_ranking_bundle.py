from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, read_manifest
from services.ranking.ranking_bundle import RankingBundle


def test_it_holds_what_ranking_needs(bundle: RankingBundle) -> None:
    assert bundle.index.item_count == 200
    assert bundle.ranker.heads == ("engage",)
    assert bundle.head_weights.tolist() == [1.0]
    assert bundle.index.ids_of(bundle.popular_rows[:3]) == ["1", "2", "3"]
    assert np.all(np.diff(bundle.popular_scores) <= 0)
    assert bundle.neighbours is not None
    assert isinstance(bundle.neighbours.rows.base, np.memmap), "mapped, not read"


def test_heads_without_a_weight_are_told_with_the_setting(bundle_path: Path) -> None:
    with pytest.raises(BundleError, match=r"engage.*TROMMEL_HEAD_WEIGHTS"):
        RankingBundle.load(bundle_path, read_manifest(bundle_path), {"purchase": 1.0})


def test_a_bundle_without_a_ranker_is_told(bundle_path: Path) -> None:
    manifest = replace(read_manifest(bundle_path), models={})
    with pytest.raises(BundleError, match="no model named ranker"):
        RankingBundle.load(bundle_path, manifest, {"engage": 1.0})


def test_a_bundle_without_item_knn_has_no_neighbours(bundle_path: Path) -> None:
    manifest = replace(read_manifest(bundle_path), sources=("popularity",))
    assert RankingBundle.load(bundle_path, manifest, {"engage": 1.0}).neighbours is None
