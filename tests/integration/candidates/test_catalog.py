"""CatalogService on a real PostgreSQL."""

from __future__ import annotations

import asyncio

import grpc
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from trommel.candidates.v1 import candidates_pb2
from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.settings import CandidatesSettings
from tests.integration.candidates.conftest import Client, Serve


def full_item(item_id: str, **fields: object) -> pb.Item:
    item = pb.Item(id=item_id, scenario="movies/home", title=f"Film {item_id}", text="Words.", categories=["b", "a"])
    item.available_from.CopyFrom(Timestamp(seconds=-62_135_596_800, nanos=1_000))
    item.available_until.CopyFrom(Timestamp(seconds=253_402_300_799, nanos=999_999_000))
    item.attributes.update({"year": 1995.5, "cast": ["Ä", None, False], "deep": {"er": {}}, "slash": "\\u0000"})
    item.vectors["image"].values.extend([0.1, -1e-30, 3e38])
    item.vectors["text"].values.append(1.0)
    for name, value in fields.items():
        setattr(item, name, value)
    return item


async def upsert(client: Client, *items: pb.Item) -> pb.UpsertItemsResponse:
    answer: pb.UpsertItemsResponse = await client.catalog.UpsertItems(iter([pb.UpsertItemsRequest(items=items)]))
    return answer


async def test_items_come_back_as_they_were_given_in_the_order_asked_for(client: Client) -> None:
    items = [full_item("2"), full_item("1"), pb.Item(id="bare", scenario="default")]
    answer = await upsert(client, *items)
    assert (answer.upserted_count, answer.rejected_count) == (3, 0)
    found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["bare", "unknown", "1", "2", "1"]))
    assert list(found.items) == [items[2], items[1], items[0]]


async def test_an_upsert_replaces_the_whole_item(client: Client) -> None:
    await upsert(client, full_item("1"))
    await upsert(client, pb.Item(id="1", title="New"))
    found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["1"]))
    assert list(found.items) == [pb.Item(id="1", scenario="default", title="New")]


async def test_of_one_id_twice_in_a_chunk_the_last_counts(client: Client) -> None:
    answer = await upsert(client, pb.Item(id="1", title="first"), pb.Item(id="2"), pb.Item(id="1", title="last"))
    assert answer.upserted_count == 3
    found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["1"]))
    assert found.items[0].title == "last"


async def test_a_bad_item_loses_only_itself(client: Client) -> None:
    def chunks() -> list[pb.UpsertItemsRequest]:
        return [
            pb.UpsertItemsRequest(items=[pb.Item(id="1"), pb.Item(id="2", title="x\x00"), pb.Item(id="3")]),
            pb.UpsertItemsRequest(items=[pb.Item(id="4"), pb.Item(id="")]),
        ]

    answer = await client.catalog.UpsertItems(iter(chunks()))
    assert (answer.upserted_count, answer.rejected_count) == (3, 2)
    assert [(r.index, r.item_id) for r in answer.rejections] == [(1, "2"), (4, "")]
    listed = await client.catalog.ListItems(pb.ListItemsRequest())
    assert [item.id for item in listed.items] == ["1", "3", "4"]


async def test_listing_pages_through_everything_once(client: Client) -> None:
    ids = sorted(f"item {n:04}" for n in range(1234))
    chunks = [
        pb.UpsertItemsRequest(
            items=[pb.Item(id=item_id, scenario="even" if int(item_id[-1]) % 2 == 0 else "") for item_id in part]
        )
        for part in (ids[:1000], ids[1000:])
    ]
    await client.catalog.UpsertItems(iter(chunks))
    for scenario, wanted in (("", ids), ("even", [i for i in ids if int(i[-1]) % 2 == 0])):
        seen, token, pages = [], "", 0
        while True:
            page = await client.catalog.ListItems(
                pb.ListItemsRequest(scenario=scenario, page_size=250, page_token=token)
            )
            seen += [item.id for item in page.items]
            pages, token = pages + 1, page.next_page_token
            if not token:
                break
            assert len(page.items) == 250
        assert seen == wanted
        assert pages == -(-len(wanted) // 250)


async def test_large_items_make_short_pages_and_too_many_at_once_are_refused(client: Client) -> None:
    for start in range(0, 100, 50):
        await upsert(client, *(pb.Item(id=f"{n:03}", text="x" * 65_536) for n in range(start, start + 50)))
    seen, token = [], ""
    while True:
        page = await client.catalog.ListItems(pb.ListItemsRequest(page_size=1000, page_token=token))
        assert page.ByteSize() < 4 << 20
        seen += [item.id for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"{n:03}" for n in range(100)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.catalog.GetItems(pb.GetItemsRequest(item_ids=seen))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_deleted_items_are_gone_and_may_come_back(
    client: Client, settings: CandidatesSettings, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    await upsert(client, full_item("1"), full_item("2"))
    for expected in (1, 0):
        answer = await client.catalog.DeleteItems(pb.DeleteItemsRequest(item_ids=["1", "1", "unknown"]))
        assert answer.deleted_count == expected
    found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["1", "2"]))
    assert [item.id for item in found.items] == ["2"]
    kept = database.execute(
        "SELECT deleted_at IS NOT NULL, (SELECT count(*) FROM item_vectors v WHERE v.tenant = i.tenant AND "
        "v.item_id = i.item_id) FROM items i WHERE tenant = %s AND item_id = '1'",
        (settings.tenant,),
    ).fetchone()
    assert kept == (True, 0)
    await upsert(client, full_item("1"))
    found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["1"]))
    assert list(found.items) == [full_item("1")]


async def test_tenants_do_not_see_each_other(client: Client, serve: Serve, settings: CandidatesSettings) -> None:
    await upsert(client, full_item("1"))
    async with serve(settings.model_copy(update={"tenant": f"{settings.tenant}x"})) as other:
        assert not (await other.catalog.ListItems(pb.ListItemsRequest())).items
        assert (await other.catalog.DeleteItems(pb.DeleteItemsRequest(item_ids=["1"]))).deleted_count == 0
    assert (await client.catalog.ListItems(pb.ListItemsRequest())).items


async def available(client: Client) -> set[str]:
    request = candidates_pb2.HydrateCandidatesRequest(user_id="u", item_ids=[str(n) for n in range(1, 61)])
    return set((await client.candidates.HydrateCandidates(request)).candidates.item_ids)


async def test_writers_at_once_are_seen_by_another_process_without_a_gap(
    client: Client, serve: Serve, settings: CandidatesSettings
) -> None:
    async with serve(settings) as other:
        await asyncio.gather(
            *(upsert(writer, pb.Item(id=str(n))) for n in range(1, 61, 2) for writer in (client,)),
            *(upsert(other, pb.Item(id=str(n))) for n in range(2, 61, 2)),
        )
        everything = {str(n) for n in range(1, 61)}
        async with asyncio.timeout(10):
            while await available(client) != everything or await available(other) != everything:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await other.catalog.DeleteItems(pb.DeleteItemsRequest(item_ids=["1"]))
        assert "1" not in await available(other), "the process that wrote knows at once"
        async with asyncio.timeout(10):
            while "1" in await available(client):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetItems", pb.GetItemsRequest(item_ids=["a\x00"])),
        ("DeleteItems", pb.DeleteItemsRequest(item_ids=["a\x00"])),
        ("ListItems", pb.ListItemsRequest(scenario="a\x00")),
    ],
)
async def test_a_nul_character_is_the_callers_mistake(client: Client, method: str, request_: object) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(client.catalog, method)(request_)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "NUL" in refused.value.details()
