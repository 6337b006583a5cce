"""What the candidates server refuses, with which status, and what it answers without its database and Triton."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from trommel.candidates.v1 import candidates_pb2 as pb
from trommel.candidates.v1.candidates_pb2_grpc import CandidateServiceStub
from trommel.catalog.v1 import catalog_pb2 as catalog_pb
from trommel.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

from services.candidates.converters.page_tokens import token_after

VERSION = "20240101000000"


def fields_of(error: grpc.aio.AioRpcError) -> set[str]:
    """Names of the fields that the error's details complain about."""
    status = rpc_status.from_call(error)
    names = set()
    for packed in status.details if status else ():
        details = error_details_pb2.BadRequest()
        assert packed.Unpack(details)
        names |= {violation.field for violation in details.field_violations}
    return names


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda c, k: c.GenerateCandidates(pb.GenerateCandidatesRequest(count=1)), "user_id"),
        (lambda c, k: c.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="u")), "count"),
        (lambda c, k: c.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="u", count=2001)), "count"),
        (lambda c, k: c.GenerateCandidates(pb.GenerateCandidatesRequest(user_id="u" * 129, count=1)), "user_id"),
        (
            lambda c, k: c.GenerateCandidates(
                pb.GenerateCandidatesRequest(user_id="u", count=1, bundle_versions=["latest"])
            ),
            "bundle_versions[0]",
        ),
        (
            lambda c, k: c.GenerateCandidates(
                pb.GenerateCandidatesRequest(user_id="u", count=1, time_budget=Duration(seconds=-1))
            ),
            "time_budget",
        ),
        (
            lambda c, k: c.GenerateCandidates(
                pb.GenerateCandidatesRequest(
                    user_id="u", count=1, history=pb.History(item_ids=["a", "b"], event_times_microseconds=[1])
                )
            ),
            "history.event_times_microseconds",
        ),
        (
            lambda c, k: c.GenerateCandidates(
                pb.GenerateCandidatesRequest(
                    user_id="u", count=1, history=pb.History(item_ids=["a", "b"], event_values=[1.0])
                )
            ),
            "history.event_values",
        ),
        (
            lambda c, k: c.GenerateCandidates(
                pb.GenerateCandidatesRequest(user_id="u", count=1, history=pb.History(item_ids=["a"], event_types=[-1]))
            ),
            "history.event_types[0]",
        ),
        (lambda c, k: c.HydrateCandidates(pb.HydrateCandidatesRequest(user_id="u")), "item_ids"),
        (lambda c, k: c.SimilarItems(pb.SimilarItemsRequest(item_id="1", count=501)), "count"),
        (lambda c, k: c.SimilarItems(pb.SimilarItemsRequest(count=1)), "item_id"),
        (lambda c, k: k.GetItems(catalog_pb.GetItemsRequest()), "item_ids"),
        (lambda c, k: k.DeleteItems(catalog_pb.DeleteItemsRequest(item_ids=["x"] * 1001)), "item_ids"),
        (lambda c, k: k.ListItems(catalog_pb.ListItemsRequest(page_size=1001)), "page_size"),
        (lambda c, k: k.ListItems(catalog_pb.ListItemsRequest(page_token="made up")), "page_token"),
        (
            lambda c, k: k.ListItems(
                catalog_pb.ListItemsRequest(scenario="books", page_token=token_after("1", "movies"))
            ),
            "page_token",
        ),
        (lambda c, k: k.UpsertItems(iter([catalog_pb.UpsertItemsRequest()])), "items"),
        (
            lambda c, k: k.UpsertItems(iter([catalog_pb.UpsertItemsRequest(items=[catalog_pb.Item(id="1")] * 1001)])),
            "items",
        ),
    ],
)
async def test_a_request_that_can_never_succeed_names_the_field(
    channel: grpc.aio.Channel,
    call: Callable[[CandidateServiceStub, CatalogServiceStub], grpc.aio.Call],
    field: str,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(CandidateServiceStub(channel), CatalogServiceStub(channel))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(caught.value) == {field}
    assert "\n" not in (caught.value.details() or "")


async def test_bad_items_are_rejected_alone_and_told_by_their_place_in_the_stream(channel: grpc.aio.Channel) -> None:
    bad = [catalog_pb.Item(id=""), catalog_pb.Item(id="x" * 200), catalog_pb.Item(id="ok", title="t" * 2000)]
    chunks = [catalog_pb.UpsertItemsRequest(items=bad), catalog_pb.UpsertItemsRequest(items=[catalog_pb.Item()] * 200)]
    answer = await CatalogServiceStub(channel).UpsertItems(iter(chunks))
    assert (answer.upserted_count, answer.rejected_count, len(answer.rejections)) == (0, 203, 100)
    assert [(r.index, r.item_id) for r in answer.rejections[:4]] == [(0, ""), (1, "x" * 128), (2, "ok"), (3, "")]
    assert answer.rejections[2].reason == "title: must be at most 1024 bytes"


async def test_the_database_away_is_unavailable_and_stores_nothing(channel: grpc.aio.Channel) -> None:
    catalog = CatalogServiceStub(channel)
    chunk = catalog_pb.UpsertItemsRequest(items=[catalog_pb.Item(id="1")])
    for call in (catalog.UpsertItems(iter([chunk])), catalog.ListItems(catalog_pb.ListItemsRequest())):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_bundle_and_database_the_answer_is_empty_and_not_an_error(channel: grpc.aio.Channel) -> None:
    answer = await CandidateServiceStub(channel).GenerateCandidates(
        pb.GenerateCandidatesRequest(user_id="u", count=10, bundle_versions=[VERSION])
    )
    assert answer.bundle_version == ""
    assert list(answer.candidates.item_ids) == []
    assert list(answer.candidates.category_offsets) == [0]


async def test_with_a_bundle_and_neither_database_nor_triton_candidates_come(bundle_channel: grpc.aio.Channel) -> None:
    answer = await CandidateServiceStub(bundle_channel).GenerateCandidates(
        pb.GenerateCandidatesRequest(user_id="u", count=10, history=pb.History(item_ids=["100"]))
    )
    assert answer.bundle_version == VERSION
    assert len(answer.candidates.item_ids) == 10
    assert {o.source: o.status for o in answer.source_outcomes} == {
        "popularity": pb.SourceOutcome.STATUS_ANSWERED,
        "item_knn": pb.SourceOutcome.STATUS_ANSWERED,
        "matrix_factors": pb.SourceOutcome.STATUS_ANSWERED,
        "sequence": pb.SourceOutcome.STATUS_FAILED,
        "intent": pb.SourceOutcome.STATUS_DISABLED,
        "fresh": pb.SourceOutcome.STATUS_DISABLED,
    }


async def test_a_bundle_that_is_not_loaded_is_a_failed_precondition_that_says_which_are(
    bundle_channel: grpc.aio.Channel,
) -> None:
    request = pb.HydrateCandidatesRequest(user_id="u", item_ids=["1"], bundle_versions=["20200101000000"])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await CandidateServiceStub(bundle_channel).HydrateCandidates(request)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert VERSION in (caught.value.details() or "")


async def test_bytes_that_are_no_message_are_invalid(channel: grpc.aio.Channel) -> None:
    call = channel.unary_unary("/trommel.candidates.v1.CandidateService/GenerateCandidates")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"\xff\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_health_and_reflection_know_both_services(channel: grpc.aio.Channel) -> None:
    names = {"trommel.candidates.v1.CandidateService", "trommel.catalog.v1.CatalogService"}
    for name in names:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
        assert health.status == health_pb2.HealthCheckResponse.SERVING
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    async for answer in reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked):
        assert names <= {service.name for service in answer.list_services_response.service}
