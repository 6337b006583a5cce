"""A slate on its way into the record."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.pipeline.roles import Outcome


@dataclass(frozen=True, slots=True)
class ServedSlate:
    """What was served, by which policy, and when (seconds since 1970-01-01 UTC).

    traceparent: The request's trace, for its record to be found from it; "" where it is not recorded.
    """

    served_at: float
    policy: str
    outcome: Outcome
    traceparent: str = ""
