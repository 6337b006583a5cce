"""Numbers out of files: finite, or the row is bad."""

from __future__ import annotations

import math
from typing import Any

from services.cli.times import parse_time


class BadValueError(ValueError):
    """A value is not what its column holds. The text is the reason for the report."""


def finite(value: Any, column: str) -> float:
    """Return a finite number.

    Raises:
        BadValueError: It is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadValueError(f"{column} is not a number") from None
    if not math.isfinite(number):
        raise BadValueError(f"{column} is not a finite number")
    return number


def time_of(value: Any, column: str) -> int:
    """Return microseconds since 1970-01-01 UTC, see services.cli.times.parse_time.

    Raises:
        BadValueError: It is no time.
    """
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        raise BadValueError(f"{column} is not a time") from None


def text_of(value: Any, column: str) -> str:
    """Return an id as text: a whole number without a fraction, text as it is.

    Raises:
        BadValueError: It is missing or something else.
    """
    if isinstance(value, str):
        if value:
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    elif isinstance(value, float) and value.is_integer():
        # pandas makes floats of integer columns that have a gap.
        return str(int(value))
    raise BadValueError(f"{column} is missing" if value is None or value == "" else f"{column} is not an id")
