from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.core.bundle import BundleError, read_manifest
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History
from tests.bundle_maker import make_bundle

VERSION = "20240101000000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_bundle(tmp_path, VERSION, item_count=300)
    return tmp_path / VERSION


def test_sources_come_in_the_order_of_the_ranker_and_the_index_finds_what_comparing_all_finds(path: Path) -> None:
    bundle = load_candidate_bundle(path, read_manifest(path), exact_search_max_items=0)
    exact = load_candidate_bundle(path, read_manifest(path), exact_search_max_items=300)
    assert [s.name for s in bundle.sources] == ["popularity", "item_knn", "matrix_factors", "sequence"]
    searching, comparing = bundle.source("sequence"), exact.source("sequence")
    assert isinstance(searching, SequenceSource)
    assert isinstance(comparing, SequenceSource)
    assert not searching.retrieves_by_scores
    assert comparing.retrieves_by_scores
    excluded = np.arange(40, 60, dtype=np.int32)
    for row in (1, 50, 299):
        history = History.of(np.array([row]), searching.item_vectors[row])
        found = searching.retrieve(history, 50, excluded).rows
        best = comparing.retrieve(history, 50, excluded).rows
        assert len(found) == 50
        assert not np.isin(found, excluded).any()
        assert len(np.intersect1d(found, best)) >= 48


def test_an_altered_or_damaged_bundle_is_refused(path: Path) -> None:
    manifest = read_manifest(path)
    index = path / "sequence/index.usearch"
    index.write_bytes(index.read_bytes()[:-10])
    with pytest.raises(BundleError, match="altered"):
        load_candidate_bundle(path, manifest, exact_search_max_items=0)
