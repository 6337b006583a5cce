"""What every registered source promises, run over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, bundle_path
from services.core.sources.registry import SOURCES, load_sources
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History, Source
from services.training.sources.registry import FITTINGS
from tests.bundle_maker import VECTOR_SIZE, make_bundle

ITEMS = 120
NONE = np.empty(0, dtype=np.int32)
USER_VECTOR = np.random.default_rng(3).normal(size=VECTOR_SIZE).astype(np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    return bundle_path(store, make_bundle(store, item_count=ITEMS).version)


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, bundle: Path) -> Source:
    return SOURCES[request.param].load(bundle)


def history(*rows: int, user_vector: bool = True) -> History:
    return History.of(np.array(rows, dtype=np.int32), USER_VECTOR if user_vector else None)


def test_scores_cover_the_catalogue_and_are_finite(source: Source) -> None:
    scores = source.score(history(3, 50, 7))
    assert source.item_count == ITEMS
    assert scores.shape == (ITEMS + 1,)
    assert scores.dtype == np.float32
    assert scores[0] == -np.inf
    assert np.isfinite(scores[1:]).all()


def test_scores_of_rows_are_those_of_the_catalogue(source: Source) -> None:
    rows = np.array([120, 1, 33, 33], dtype=np.int32)
    scores = source.score_rows(history(3, 50, 7), rows)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, source.score(history(3, 50, 7))[rows], rtol=1e-5, atol=1e-6)


def test_retrieved_items_are_distinct_best_first_and_scored_alike(source: Source) -> None:
    found = source.retrieve(history(3, 50, 7), 20, NONE)
    assert 0 < len(found.rows) <= 20
    assert found.rows.dtype == np.int32
    assert found.scores.dtype == np.float32
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert found.rows.min() >= 1
    assert found.rows.max() <= ITEMS
    assert (np.diff(found.scores) <= 0).all()
    np.testing.assert_allclose(found.scores, source.score(history(3, 50, 7))[found.rows], rtol=1e-5, atol=1e-6)


def test_the_excluded_are_never_retrieved(source: Source) -> None:
    given = history(3, 50, 7)
    first = source.retrieve(given, 10, NONE).rows
    second = source.retrieve(given, ITEMS, first)
    assert not set(first.tolist()) & set(second.rows.tolist())
    assert len(source.retrieve(given, 10, np.arange(1, ITEMS + 1, dtype=np.int32)).rows) == 0


@pytest.mark.parametrize("count", [0, 1, ITEMS, ITEMS * 10])
def test_any_count_is_answered(source: Source, count: int) -> None:
    assert len(source.retrieve(history(3, 50, 7), count, NONE).rows) <= min(count, ITEMS)


def test_an_empty_history_is_no_error(source: Source) -> None:
    empty = history(user_vector=False)
    scores = source.score(empty)
    assert np.isfinite(scores[1:]).all()
    assert np.isfinite(source.score_rows(empty, np.array([1, 2], dtype=np.int32))).all()
    if not source.knows(empty):
        assert (scores[1:] == 0).all()
        assert len(source.retrieve(empty, 10, NONE).rows) == 0


def test_a_history_longer_than_the_catalogue_is_no_error(source: Source) -> None:
    rows = np.tile(np.arange(1, ITEMS + 1, dtype=np.int32), 3)
    assert np.isfinite(source.score(History.of(rows, USER_VECTOR))[1:]).all()


def test_scoring_is_repeatable_and_leaves_its_input_alone(source: Source) -> None:
    rows = np.array([3, 50, 7], dtype=np.int32)
    rows.setflags(write=False)
    given = History.of(rows, USER_VECTOR)
    first = source.score(given).copy()
    source.retrieve(given, 10, rows)
    np.testing.assert_array_equal(first, source.score(given))


def test_a_bundle_without_the_source_is_one_clear_error(source: Source, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=source.name):
        type(source).load(tmp_path)


def test_every_source_can_be_fitted_or_comes_out_of_the_encoder() -> None:
    assert set(SOURCES) == {*FITTINGS, SequenceSource.name}
    assert all(name == source.name for name, source in SOURCES.items())


def test_an_unknown_source_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match="'tarot' that this software does not know"):
        load_sources(bundle, ["popularity", "tarot"])
