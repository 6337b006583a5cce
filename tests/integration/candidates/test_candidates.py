"""CandidateService on a real PostgreSQL, a real Triton and a bundle with a real user encoder."""

from __future__ import annotations

import asyncio
import shutil

import numpy as np
import pytest
from trommel.candidates.v1 import candidates_pb2 as pb
from trommel.catalog.v1 import catalog_pb2

from services.candidates.settings import CandidatesSettings
from services.core.bundle import read_array
from services.plumbing.bundle_pointer import write_pointer
from tests.bundle_maker import make_bundle
from tests.integration.candidates.conftest import VERSION, Client, Serve


@pytest.fixture
async def filled(client: Client) -> Client:
    """A client of a server whose catalog holds the bundle's 200 items, every fourth a comedy."""
    items = [
        catalog_pb2.Item(id=str(n), title=f"Film {n}", categories=["comedy"] if n % 4 == 0 else ["drama", "war"])
        for n in range(1, 201)
    ]
    await client.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=items)]))
    return client


async def test_candidates_of_a_user_with_a_history(filled: Client, settings: CandidatesSettings) -> None:
    history = ["100", "101", "not in the bundle", "102"]
    answer = await filled.candidates.GenerateCandidates(
        pb.GenerateCandidatesRequest(
            user_id="u",
            count=60,
            history=pb.History(item_ids=history, event_times_microseconds=range(1, 5)),
            filter=pb.ItemFilter(excluded_item_ids=history, excluded_categories=["comedy"]),
            bundle_versions=[VERSION],
        )
    )
    found = answer.candidates
    assert answer.bundle_version == VERSION
    assert list(found.sources) == ["popularity", "item_knn", "matrix_factors", "sequence", "intent", "scenario_liking"]
    assert {o.source: (o.status, o.candidate_count) for o in answer.source_outcomes}["sequence"] == (
        pb.SourceOutcome.STATUS_ANSWERED,
        40,
    )
    assert len(set(found.item_ids)) == len(found.item_ids) == len(found.source_masks) == 60
    assert all(int(item_id) % 4 and item_id not in history for item_id in found.item_ids)
    assert list(found.titles) == [f"Film {item_id}" for item_id in found.item_ids]
    assert list(found.categories) == ["drama", "war"]
    assert list(found.category_offsets) == list(range(0, 122, 2))
    assert list(found.category_indexes) == [0, 1] * 60
    # The user encoder is the mean of the history's vectors, so its scores can be computed here.
    vectors = read_array(settings.bundle_store / VERSION, "sequence/item_vectors.npy")
    rows = np.array([int(item_id) for item_id in found.item_ids])
    np.testing.assert_allclose(
        np.array(found.source_scores).reshape(60, 6)[:, 3], vectors[rows] @ vectors[100:103].mean(axis=0), atol=1e-5
    )


async def test_the_catalog_decides_at_once_what_may_be_shown(filled: Client) -> None:
    await filled.catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=["1"]))
    gone = catalog_pb2.Item(id="2")
    gone.available_until.seconds = 1
    await filled.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=[gone])]))
    answer = await filled.candidates.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="new", count=3))
    assert list(answer.candidates.item_ids) == ["3", "4", "5"]


async def test_similar_items(filled: Client) -> None:
    answer = await filled.candidates.SimilarItems(
        pb.SimilarItemsRequest(item_id="100", count=5, filter=pb.ItemFilter(any_of_categories=["drama"]))
    )
    assert answer.bundle_version == VERSION
    assert len(answer.items) == 5
    assert all(int(item.item_id) % 4 and abs(int(item.item_id) - 100) <= 6 for item in answer.items)
    assert [item.title for item in answer.items] == [f"Film {item.item_id}" for item in answer.items]
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)


async def test_a_new_bundle_goes_live_under_traffic_and_the_old_one_stays_known(
    filled: Client, settings: CandidatesSettings
) -> None:
    # Its user encoder is not in Triton: the sequence source fails, and no call does.
    newer = "20240102000000"
    make_bundle(settings.bundle_store, newer, parent=VERSION)
    request = pb.GenerateCandidatesRequest(user_id="u", count=50, history=pb.History(item_ids=["10"]))
    versions = set()
    write_pointer(settings.bundle_store, newer)
    async with asyncio.timeout(30):
        while newer not in versions:
            answer = await filled.candidates.GenerateCandidates(request)
            versions.add(answer.bundle_version)
            assert len(answer.candidates.item_ids) == 50
    assert versions <= {VERSION, newer}
    request.bundle_versions.extend(["20990101000000", VERSION])
    assert (await filled.candidates.GenerateCandidates(request)).bundle_version == VERSION


async def test_a_damaged_bundle_changes_nothing(filled: Client, settings: CandidatesSettings) -> None:
    bad = "20240103000000"
    make_bundle(settings.bundle_store, bad)
    (settings.bundle_store / bad / "popularity/scores.npy").write_bytes(b"")
    write_pointer(settings.bundle_store, bad)
    await asyncio.sleep(1.5)
    answer = await filled.candidates.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="u", count=5))
    assert answer.bundle_version == VERSION
    assert len(answer.candidates.item_ids) == 5


async def test_before_the_first_bundle_the_newest_items_come(
    filled: Client, serve: Serve, settings: CandidatesSettings
) -> None:
    await filled.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=[catalog_pb2.Item(id="newest")])]))
    shutil.rmtree(settings.bundle_store)
    async with serve(settings) as other:
        answer = await other.candidates.GenerateCandidates(
            pb.GenerateCandidatesRequest(user_id="u", count=5, filter=pb.ItemFilter(any_of_categories=["comedy"]))
        )
        everything = await other.candidates.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="u", count=5))
    assert answer.bundle_version == ""
    assert len(answer.candidates.item_ids) == 5
    assert everything.candidates.item_ids[0] == "newest"
    assert list(everything.candidates.sources) == ["fresh"]
    assert len(everything.candidates.source_scores) == 5
