"""Catalog items: proto ↔ domain."""

from __future__ import annotations

import re

import numpy as np
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.catalog.item import Item
from services.core.errors import InvalidRequestError
from services.core.query import DEFAULT_SCENARIO
from services.plumbing.validation import one_line, violations_of

# The escape itself, not the six characters of a text that shows it: PostgreSQL stores only the latter.
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_MAX_ATTRIBUTES_BYTES = 65_536
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # years 1 to 9999, as the proto defines


def item_from_message(message: pb.Item) -> Item:
    """Return the item. Raises InvalidRequestError with one line on what is wrong with it."""
    violations = violations_of(message)
    if violations:
        raise InvalidRequestError(one_line(violations), violations)
    available_from = _microseconds_of(message, "available_from")
    available_until = _microseconds_of(message, "available_until")
    if available_from is not None and available_until is not None and available_from >= available_until:
        raise InvalidRequestError("available_from: must be before available_until")
    categories = tuple(message.categories)
    attributes = _json_of(message.attributes)
    if any("\x00" in text for text in (message.title, message.text, *categories)) or _NUL_IN_JSON.search(attributes):
        raise InvalidRequestError("title, text, categories and attributes must not contain the character U+0000")
    return Item(
        id=message.id,
        scenario=message.scenario or DEFAULT_SCENARIO,
        title=message.title,
        text=message.text,
        categories=categories,
        available_from_microseconds=available_from,
        available_until_microseconds=available_until,
        attributes=attributes,
        vectors={name: np.array(vector.values, np.float32) for name, vector in message.vectors.items()},
    )


def item_message(item: Item) -> pb.Item:
    """Return the item as a message."""
    return pb.Item(
        id=item.id,
        scenario=item.scenario,
        title=item.title,
        text=item.text,
        categories=item.categories,
        available_from=_timestamp_of(item.available_from_microseconds),
        available_until=_timestamp_of(item.available_until_microseconds),
        attributes=None if item.attributes == "{}" else json_format.Parse(item.attributes, Struct()),
        vectors={name: pb.ContentVector(values=values.tolist()) for name, values in item.vectors.items()},
    )


def _microseconds_of(message: pb.Item, field: str) -> int | None:
    if not message.HasField(field):
        return None
    time: Timestamp = getattr(message, field)
    if not (_FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < 1_000_000_000):
        raise InvalidRequestError(f"{field}: must lie in the years 1 to 9999, with 0 to 999,999,999 nanoseconds")
    return time.seconds * 1_000_000 + time.nanos // 1_000


def _timestamp_of(microseconds: int | None) -> Timestamp | None:
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def _json_of(attributes: Struct) -> str:
    if not attributes.fields:
        return "{}"
    try:
        text = json_format.MessageToJson(attributes, indent=None, ensure_ascii=False)
    except (json_format.SerializeToJsonError, ValueError, RecursionError) as error:
        raise InvalidRequestError("attributes: numbers must be finite and every value set") from error
    if len(text.encode()) > _MAX_ATTRIBUTES_BYTES:
        raise InvalidRequestError("attributes: must be at most 65,536 bytes as JSON")
    return text
