"""Items to CatalogService, in chunks, a bounded number of them a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from trommel.catalog.v1 import catalog_pb2

from services.cli.importing.tally import Tally
from services.cli.retrying import retrying

_CHUNK_ITEMS = 1_000
_CHUNK_BYTES = 2 << 20
_CHUNKS_A_CALL = 8
_CALL_SECONDS = 120.0
_IDS_A_CALL = 1_000


async def send_items(service: Any, items: Iterable[catalog_pb2.Item], report: Callable[[int], None]) -> Tally:
    """Upsert items; return how many were stored and why others were not.

    Args:
        service: A stub of CatalogService.
        items: The items; they are held a few thousand at a time.
        report: Told the number of items sent so far.
    """
    tally = Tally()
    batch: list[catalog_pb2.UpsertItemsRequest] = []
    for chunk in _chunks(items):
        batch.append(chunk)
        if len(batch) == _CHUNKS_A_CALL:
            await _send(service, batch, tally)
            report(tally.read)
            batch = []
    if batch:
        await _send(service, batch, tally)
    report(tally.read)
    return tally


async def missing_items(service: Any, item_ids: list[str]) -> list[str]:
    """Return those of the ids that are not in the catalog."""
    missing: list[str] = []
    for start in range(0, len(item_ids), _IDS_A_CALL):
        ids = item_ids[start : start + _IDS_A_CALL]
        request = catalog_pb2.GetItemsRequest(item_ids=ids)
        answer = await retrying(lambda request=request: service.GetItems(request, timeout=_CALL_SECONDS))  # type: ignore[misc]
        known = {item.id for item in answer.items}
        missing.extend(one for one in ids if one not in known)
    return missing


async def _send(service: Any, batch: list[catalog_pb2.UpsertItemsRequest], tally: Tally) -> None:
    answer = await retrying(lambda: service.UpsertItems(iter(batch), timeout=_CALL_SECONDS))
    tally.accepted += answer.upserted_count
    for rejection in answer.rejections:
        tally.reject(rejection.reason)
    for _ in range(answer.rejected_count - len(answer.rejections)):
        tally.reject("other reasons")


def _chunks(items: Iterable[catalog_pb2.Item]) -> Iterator[catalog_pb2.UpsertItemsRequest]:
    chunk, size = catalog_pb2.UpsertItemsRequest(), 0
    for item in items:
        chunk.items.append(item)
        size += item.ByteSize()
        if len(chunk.items) == _CHUNK_ITEMS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = catalog_pb2.UpsertItemsRequest(), 0
    if chunk.items:
        yield chunk
