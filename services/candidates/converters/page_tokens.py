"""Page tokens of ListItems: opaque to callers, bound to the listing they came from, and known when altered."""

from __future__ import annotations

import base64
import binascii
import hashlib

from services.core.errors import FieldViolation, InvalidRequestError

_SUM_BYTES = 8


def token_after(item_id: str, scenario: str) -> str:
    """Return the token of the page behind an item."""
    payload = item_id.encode()
    return base64.urlsafe_b64encode(_sum(payload, scenario) + payload).decode()


def item_id_of(token: str, scenario: str) -> str:
    """Return the item behind which the page begins; empty for an empty token. Raises InvalidRequestError."""
    if not token:
        return ""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        payload = raw[_SUM_BYTES:]
        if raw[:_SUM_BYTES] == _sum(payload, scenario) and payload:
            return payload.decode()
    except (binascii.Error, UnicodeError, ValueError):
        pass
    wrong = "is not a token of this listing; pass next_page_token with the same scenario"
    raise InvalidRequestError(f"page_token: {wrong}", (FieldViolation("page_token", wrong),))


def _sum(payload: bytes, scenario: str) -> bytes:
    return hashlib.sha256(scenario.encode() + b"\x00" + payload).digest()[:_SUM_BYTES]
