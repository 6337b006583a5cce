"""Settings of the candidates service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.core.cascade import EXACT_SEARCH_MAX_ITEMS
from services.plumbing.settings import Address, ServerSettings


class CandidatesSettings(ServerSettings):
    """What the candidates service needs to know.

    Attributes:
        database_url: PostgreSQL, which holds the catalog.
        triton_url: Triton's gRPC port.
        bundle_store: Directory of bundles.
        database_pool_size: Connections to PostgreSQL at most.
        catalog_poll_seconds: Time between two looks at what others changed in the catalog.
        start_wait_seconds: How long the first reading of the catalog may hold up the start.
        time_budget_seconds: Time an answer may take when the caller sets none.
        source_budget_seconds: Time one source may take.
        exact_search_max_items: Up to so many items the sequence source compares all vectors; above it asks the index.
        inline_max_items: Up to so many items sources compute in the event loop; above it in threads.
        source_threads: Threads for large bundles.
    """

    listen: Address = "127.0.0.1:7101"
    database_url: str = "postgresql://trommel@127.0.0.1:7120/trommel"
    triton_url: Address = "127.0.0.1:7131"
    bundle_store: Path = Path(".trommel/bundles")
    database_pool_size: int = Field(default=4, ge=2, le=64)
    catalog_poll_seconds: float = Field(default=1.0, gt=0)
    start_wait_seconds: float = Field(default=3.0, ge=0)
    time_budget_seconds: float = Field(default=0.4, gt=0)
    source_budget_seconds: float = Field(default=0.2, gt=0)
    exact_search_max_items: int = Field(default=EXACT_SEARCH_MAX_ITEMS, ge=0)
    inline_max_items: int = Field(default=50_000, ge=0)
    source_threads: int = Field(default=2, ge=1, le=64)
