"""Slates as they were served."""

from __future__ import annotations

from typing import NamedTuple


class Slate(NamedTuple):
    """A slate with what the ranker saw. The fields are in the order of the database's columns.

    Attributes:
        time_microseconds: When it was served, since 1970-01-01 UTC.
        context: JSON object of strings.
        features: Row-major items x feature_names.
    """

    request_id: str
    user_id: str
    scenario: str
    time_microseconds: int
    bundle_version: str
    policy: str
    context: str
    history_item_ids: list[str]
    item_ids: list[str]
    scores: list[float]
    feature_names: list[str]
    features: list[float]
    degraded_reasons: list[str]
