"""Counts of rows: read, accepted, rejected and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_FIRST_LINES = 5
_MOST_REASONS = 50
_OTHER = "other reasons"


@dataclass(slots=True)
class Reason:
    """One fault: how many rows have it and where the first of them are."""

    count: int = 0
    first_lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What became of the rows of one kind."""

    accepted: int = 0
    rejected: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """Rows read."""
        return self.accepted + self.rejected

    def reject(self, reason: str, line: int | None = None) -> None:
        """Count a row that is lost. Reasons are bounded: the rest is counted together."""
        self.rejected += 1
        if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            reason = _OTHER
        entry = self.reasons.setdefault(reason, Reason())
        entry.count += 1
        if line is not None and len(entry.first_lines) < _FIRST_LINES:
            entry.first_lines.append(line)

    def to_json(self) -> dict[str, Any]:
        """Return the counts, with the commonest reason first."""
        ordered = sorted(self.reasons.items(), key=lambda pair: -pair[1].count)
        return {
            "read": self.read,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "reasons": [{"reason": r, "count": e.count, "first_lines": e.first_lines} for r, e in ordered],
        }
