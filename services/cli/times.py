"""Times on the wire and on the screen: microseconds since 1970-01-01 UTC, and ISO 8601."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Numbers this large cannot be seconds (the year 5138) or milliseconds: they are the next finer unit.
_MILLISECONDS_FROM = 10**11
_MICROSECONDS_FROM = 10**14


def parse_time(value: Any) -> int:
    """Return microseconds since 1970-01-01 UTC.

    Args:
        value: A number or its text (seconds; milliseconds from 1e11 on, microseconds from 1e14 on), ISO 8601
            text or a datetime; without a zone these are UTC.

    Raises:
        ValueError: It is none of these, or not a finite number.
    """
    if isinstance(value, datetime):
        return _since_epoch(value)
    if isinstance(value, str):
        try:
            value = int(value) if value.strip().lstrip("-").isdecimal() else float(value)
        except ValueError:
            return _since_epoch(datetime.fromisoformat(value.strip()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a time")
    if not math.isfinite(value):
        raise ValueError("not a finite time")
    if abs(value) < _MILLISECONDS_FROM:
        return round(value * 1_000_000)
    return round(value * 1_000) if abs(value) < _MICROSECONDS_FROM else round(value)


def iso_time(microseconds: int) -> str:
    """Return ISO 8601 in UTC, with a fraction only where there is one; a time outside the calendar as its number."""
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{microseconds} µs"


def _since_epoch(moment: datetime) -> int:
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
