"""Small queries and candidates, and one synthetic bundle for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.core.bundle import read_manifest
from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.plumbing.bundle_watcher import LoadedBundles
from services.ranking.ranking_bundle import RankingBundle
from tests.bundle_maker import VECTOR_SIZE, make_bundle

VERSION = "20240101000000"


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the items "1" to "200", of falling popularity."""
    store = tmp_path_factory.mktemp("bundles")
    make_bundle(store, VERSION, item_count=200)
    return store / VERSION


@pytest.fixture(scope="session")
def bundle(bundle_path: Path) -> RankingBundle:
    return RankingBundle.load(bundle_path, read_manifest(bundle_path), {"engage": 1.0})


@pytest.fixture
def bundles(bundle: RankingBundle) -> LoadedBundles[RankingBundle]:
    loaded: LoadedBundles[RankingBundle] = LoadedBundles()
    loaded.replace(((VERSION, bundle),))
    return loaded


@pytest.fixture
def make_query() -> Callable[..., Query]:
    def make(*, seconds: float = 5.0, **options: Any) -> Query:
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:
            now = 0.0
        values = {"tenant": "t", "request_id": "r", "user_id": "u", "scenario": "s", "count": 10, **options}
        return Query(deadline=now + seconds, **values)

    return make


@pytest.fixture
def make_candidates() -> Callable[..., CandidateSet]:
    sources = ("popularity", "item_knn", "matrix_factors", "sequence")

    def make(item_ids: Any, **columns: Any) -> CandidateSet:
        count = len(item_ids)
        options = {
            "sources": columns.pop("sources", sources),
            "bundle_version": columns.pop("bundle_version", VERSION),
            "degraded_reasons": columns.pop("degraded_reasons", ()),
            "user_vector": columns.pop("user_vector", np.zeros(VECTOR_SIZE, np.float32)),
        }
        category_names = columns.pop("category_names", ("x", "y"))
        masks = columns.pop("source_masks", np.ones(count, np.uint32))
        return CandidateSet(
            item_ids=np.array(list(item_ids), np.object_),
            source_masks=np.asarray(masks, np.uint32),
            columns={
                "source_scores": np.zeros((count, len(options["sources"])), np.float32),
                "titles": np.array([f"title {item_id}" for item_id in item_ids], np.object_),
                "categories": np.zeros((count, len(category_names)), np.bool_),
                "available": np.ones(count, np.bool_),
                **columns,
            },
            labels={"source_scores": options["sources"], "categories": category_names},
            **options,
        )

    return make
