"""CatalogService on the wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

import grpc
from trommel.catalog.v1 import catalog_pb2 as pb
from trommel.catalog.v1.catalog_pb2_grpc import CatalogServiceServicer

from services.candidates.catalog.item import Item
from services.candidates.catalog.item_store import ItemStore
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.converters.items import item_from_message, item_message
from services.candidates.converters.page_tokens import item_id_of, token_after
from services.core.errors import DomainError, FieldViolation, InvalidRequestError

logger = logging.getLogger(__name__)

_MAX_ITEMS_A_CHUNK = 1_000
_MAX_REJECTIONS = 100
_MAX_ID_BYTES = 128
_DEFAULT_PAGE_ITEMS = 100
# Items checked in one go: about a millisecond, so that an import does not hold up answers of this process.
_ITEMS_AT_ONCE = 50
# Items read in one go, and the size at which an answer ends: gRPC clients take 4 MiB unless told otherwise.
_ITEMS_A_READ = 100
_MAX_ANSWER_BYTES = 3 << 20


class CatalogServicer(CatalogServiceServicer):
    """Keeps the catalog: the store is written first, then this process' replica takes the change in."""

    def __init__(self, store: ItemStore, replica: CatalogReplica, texts_were_written: Callable[[], None]) -> None:
        """texts_were_written: Called once texts may wait for the text encoder."""
        self._store = store
        self._replica = replica
        self._texts_were_written = texts_were_written

    async def UpsertItems(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.UpsertItemsRequest], _context: grpc.aio.ServicerContext
    ) -> pb.UpsertItemsResponse:
        """Store the items chunk by chunk; what the answer counts is committed."""
        answer = pb.UpsertItemsResponse()
        async for chunk in request_iterator:
            if not 1 <= len(chunk.items) <= _MAX_ITEMS_A_CHUNK:
                wrong = f"must hold 1 to {_MAX_ITEMS_A_CHUNK} items, not {len(chunk.items)}"
                raise InvalidRequestError(f"items: {wrong}", (FieldViolation("items", wrong),))
            accepted = await self._accepted(chunk.items, answer)
            await self._store.upsert(accepted)
            answer.upserted_count += len(accepted)
            self._texts_were_written()
        if answer.upserted_count:
            await self._take_in()
        return answer

    async def GetItems(  # noqa: N802
        self, request: pb.GetItemsRequest, _context: grpc.aio.ServicerContext
    ) -> pb.GetItemsResponse:
        """Return the items that exist."""
        wanted = list(dict.fromkeys(request.item_ids))
        answer, size = pb.GetItemsResponse(), 0
        for start in range(0, len(wanted), _ITEMS_A_READ):
            ids = wanted[start : start + _ITEMS_A_READ]
            found = {item.id: item for item in await self._store.get(ids)}
            for item in (found[item_id] for item_id in ids if item_id in found):
                size += item.approximate_bytes
                if size > _MAX_ANSWER_BYTES:
                    wrong = "these items are too large for one answer; ask for fewer"
                    raise InvalidRequestError(f"item_ids: {wrong}", (FieldViolation("item_ids", wrong),))
                answer.items.append(item_message(item))
        return answer

    async def DeleteItems(  # noqa: N802
        self, request: pb.DeleteItemsRequest, _context: grpc.aio.ServicerContext
    ) -> pb.DeleteItemsResponse:
        """Remove items."""
        count = await self._store.delete(list(dict.fromkeys(request.item_ids)))
        if count:
            await self._take_in()
        return pb.DeleteItemsResponse(deleted_count=count)

    async def ListItems(  # noqa: N802
        self, request: pb.ListItemsRequest, _context: grpc.aio.ServicerContext
    ) -> pb.ListItemsResponse:
        """Return one page; it ends early when it grows too large for a message."""
        wanted = request.page_size or _DEFAULT_PAGE_ITEMS
        after = item_id_of(request.page_token, request.scenario)
        answer, size = pb.ListItemsResponse(), 0
        while True:
            count = min(wanted - len(answer.items), _ITEMS_A_READ)
            # One more than wanted tells whether there is a next page.
            found = await self._store.page(request.scenario, after, count + 1)
            for item in found[:count]:
                size += item.approximate_bytes
                if answer.items and size > _MAX_ANSWER_BYTES:
                    break
                answer.items.append(item_message(item))
                after = item.id
            if len(found) <= count and (not found or after == found[-1].id):
                return answer
            if len(answer.items) >= wanted or size > _MAX_ANSWER_BYTES:
                answer.next_page_token = token_after(after, request.scenario)
                return answer

    async def _accepted(self, messages: Sequence[pb.Item], answer: pb.UpsertItemsResponse) -> list[Item]:
        """Return the good items; note the bad ones in the answer."""
        first = answer.upserted_count + answer.rejected_count
        accepted: list[Item] = []
        for position, message in enumerate(messages):
            if position % _ITEMS_AT_ONCE == _ITEMS_AT_ONCE - 1:
                await asyncio.sleep(0)
            try:
                accepted.append(item_from_message(message))
            except InvalidRequestError as error:
                answer.rejected_count += 1
                if len(answer.rejections) < _MAX_REJECTIONS:
                    cut_id = message.id.encode()[:_MAX_ID_BYTES].decode(errors="ignore")
                    answer.rejections.add(index=first + position, item_id=cut_id, reason=str(error))
        return accepted

    async def _take_in(self) -> None:
        try:
            await self._replica.refresh()
        except DomainError as error:
            # What was written is committed; the replica follows by itself.
            logger.warning("the replica could not take in a change at once: %s", error)
