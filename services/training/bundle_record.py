"""A bundle as it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class BundleState(StrEnum):
    """Where a bundle stands; the text is what the database keeps."""

    READY = "READY"
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """One row of bundles. Times are aware; absent names are empty."""

    version: str
    state: BundleState
    run_id: str
    parent_version: str
    created_at: datetime
    activated_at: datetime | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    item_count: int = 0
