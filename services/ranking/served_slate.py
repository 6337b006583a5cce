"""A slate on its way into the record."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.pipeline.roles import Outcome


@dataclass(frozen=True, slots=True)
class ServedSlate:
    """What was served, by which policy, and when (seconds since 1970-01-01 UTC)."""

    served_at: float
    policy: str
    outcome: Outcome
