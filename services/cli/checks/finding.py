"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, what was seen; `hint` says what to do where it is not."""

    name: str
    ok: bool
    message: str
    hint: str = ""
