"""Page tokens: where the next page begins, opaque to callers. Lists are in descending order of time, then of id."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from services.core.errors import FieldViolation, InvalidRequestError

DEFAULT_PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class PagePlace:
    """The last entry of the page before: its time (aware) and its id."""

    time: datetime
    id: str


FIRST = PagePlace(datetime(9999, 1, 1, tzinfo=UTC), "")


def encode(place: PagePlace) -> str:
    """Return the token of a place."""
    text = json.dumps([place.time.astimezone(UTC).isoformat(), place.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str) -> PagePlace:
    """Return the place of a token; the empty token is the start. Raises InvalidRequestError for what is none."""
    if not token:
        return FIRST
    try:
        padded = token + "=" * (-len(token) % 4)
        time, entry_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = PagePlace(datetime.fromisoformat(time), str(entry_id))
        if place.time.tzinfo is None:
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        description = "must be empty or the next_page_token of the page before"
        raise InvalidRequestError(f"page_token: {description}", (FieldViolation("page_token", description),)) from error
    return place
