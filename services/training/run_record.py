"""A training run as it is recorded, and what its caller asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """Where a run stands; the text is what the database keeps."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


HELD_BACK = "held_back"
"""How a run is counted that succeeded and whose bundle the gate did not let serve; the database keeps SUCCEEDED."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """What StartRun asked for; max_epochs 0 means the default.

    traceparent: The trace of StartRun, which the worker goes on with; in the row, for it must outlive the message.
    """

    seed: int = 0
    warm_start: bool = False
    max_epochs: int = 0
    skip_activation: bool = False
    traceparent: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the parameters as the database keeps them."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RunParameters:
        """Read what to_json gave; names of other releases are left out."""
        return cls(
            seed=int(raw.get("seed", 0)),
            warm_start=bool(raw.get("warm_start", False)),
            max_epochs=int(raw.get("max_epochs", 0)),
            skip_activation=bool(raw.get("skip_activation", False)),
            traceparent=str(raw.get("traceparent", "")),
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of training_runs, less the lease. Times are aware; progress is 0 to 1."""

    id: str
    state: RunState
    step: str
    progress: float
    message: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    bundle_version: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
