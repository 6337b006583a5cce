from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.cli.times import iso_time, parse_time


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        (881250949, 881_250_949_000_000),
        ("881250949", 881_250_949_000_000),
        ("881250949.0", 881_250_949_000_000),
        (1_700_000_000_000, 1_700_000_000_000_000),
        (1_700_000_000_000_001, 1_700_000_000_000_001),
        ("2024-05-01T12:00:00Z", 1_714_564_800_000_000),
        ("2024-05-01", 1_714_521_600_000_000),
        (datetime(2024, 5, 1, 12, 0, 0, 7, tzinfo=UTC), 1_714_564_800_000_007),
        (-1, -1_000_000),
    ],
)
def test_times_are_understood(value: Any, microseconds: int) -> None:
    assert parse_time(value) == microseconds


@pytest.mark.parametrize("value", ["", "soon", "nan", float("inf"), True, None, [1]])
def test_other_things_are_no_times(value: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_time(value)


def test_microseconds_survive_the_way_there_and_back() -> None:
    assert iso_time(1_714_564_800_123_456) == "2024-05-01T12:00:00.123456Z"
    assert parse_time(iso_time(1_714_564_800_123_456)) == 1_714_564_800_123_456
    assert iso_time(10**20).endswith("µs")
