"""The types of events in words, as trommel.feedback.v1.EventType names them."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What a user did with an item."""

    impression = "impression"
    click = "click"
    view = "view"
    like = "like"
    dislike = "dislike"
    rating = "rating"
    purchase = "purchase"
    hide = "hide"
