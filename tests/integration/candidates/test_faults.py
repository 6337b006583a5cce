"""The database and Triton are killed under traffic: no call for candidates fails, and all comes back by itself."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from trommel.candidates.v1 import candidates_pb2 as pb
from trommel.catalog.v1 import catalog_pb2

from tests.integration.candidates.conftest import Client, Stack

REQUEST = pb.GenerateCandidatesRequest(user_id="u", count=20, history=pb.History(item_ids=["100"]))


async def fill(client: Client, *item_ids: str) -> None:
    items = [catalog_pb2.Item(id=item_id) for item_id in item_ids]
    await client.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=items)]))


async def sequence_status(client: Client) -> int:
    """Ask for candidates; return how the sequence source fared."""
    answer = await client.candidates.GenerateCandidates(REQUEST)
    assert len(answer.candidates.item_ids) == 20
    return next(int(o.status) for o in answer.source_outcomes if o.source == "sequence")


async def test_triton_is_killed(client: Client, stack: Stack) -> None:
    await fill(client, *(str(n) for n in range(1, 201)))
    assert await sequence_status(client) == pb.SourceOutcome.STATUS_ANSWERED
    stack.kill("triton")
    seen = set()
    async with asyncio.timeout(90):
        while pb.SourceOutcome.STATUS_FAILED not in seen or (
            await sequence_status(client) != pb.SourceOutcome.STATUS_ANSWERED
        ):
            seen.add(await sequence_status(client))
            await asyncio.sleep(0.02)


async def test_postgresql_is_killed(client: Client, stack: Stack) -> None:
    await fill(client, *(str(n) for n in range(1, 201)))
    acknowledged: list[str] = []
    tried = 0
    killed = stack.kill("postgres")
    async with asyncio.timeout(90):
        # Writes either wait for the database to come back or are refused; none is acknowledged and lost.
        while len(acknowledged) < 10 or stack.pid("postgres") == killed:
            item_id, tried = f"new {tried}", tried + 1
            try:
                await fill(client, item_id)
                acknowledged.append(item_id)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            assert len((await client.candidates.GenerateCandidates(REQUEST)).candidates.item_ids) == 20
    found = await client.catalog.GetItems(catalog_pb2.GetItemsRequest(item_ids=acknowledged[:1000]))
    assert [item.id for item in found.items] == acknowledged[:1000]


@pytest.mark.parametrize("call", ["GetItems", "DeleteItems"])
async def test_reads_and_deletes_come_back_after_a_kill(client: Client, stack: Stack, call: str) -> None:
    await fill(client, "1")
    stack.kill("postgres")
    request = getattr(catalog_pb2, f"{call}Request")(item_ids=["1"])
    async with asyncio.timeout(90):
        while True:
            try:
                await getattr(client.catalog, call)(request)
                break
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
