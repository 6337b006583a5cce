"""The candidates service as ranking sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.plumbing.clients.calls import call
from services.ranking.converters.candidates import (
    candidates_of_generate,
    candidates_of_hydrate,
    generate_request,
    get_items_request,
    hydrate_request,
    titles_of_items,
)

# What the sources may use of a call's time; the rest is for the way there and back.
_SOURCES_SHARE = 0.9
_CANDIDATES, _CATALOG = "candidates", "catalog"


class CandidatesClient:
    """Converts, calls, converts."""

    def __init__(self, stub: Any, catalog_stub: Any) -> None:
        """stub: CandidateServiceStub; catalog_stub: CatalogServiceStub."""
        self._stub = stub
        self._catalog_stub = catalog_stub

    async def generate(self, query: Query, count: int, timeout_seconds: float) -> CandidateSet:
        """Return up to `count` proposals, best first. Raises UnavailableError or TimeoutError."""
        request = generate_request(query, count, timeout_seconds * _SOURCES_SHARE)
        method = self._stub.GenerateCandidates
        return candidates_of_generate(await call(method, request, service=_CANDIDATES, timeout_seconds=timeout_seconds))

    async def hydrate(self, query: Query, timeout_seconds: float) -> CandidateSet:
        """Return the query's items with their columns. Raises UnavailableError or TimeoutError."""
        request = hydrate_request(query)
        method = self._stub.HydrateCandidates
        response = await call(method, request, service=_CANDIDATES, timeout_seconds=timeout_seconds)
        return candidates_of_hydrate(query.item_ids, response)

    async def titles_of(self, item_ids: Sequence[str], timeout_seconds: float) -> dict[str, str]:
        """Return the titles of those of at most 1,000 items that exist. Raises UnavailableError or TimeoutError."""
        request = get_items_request(item_ids)
        method = self._catalog_stub.GetItems
        return titles_of_items(await call(method, request, service=_CATALOG, timeout_seconds=timeout_seconds))
