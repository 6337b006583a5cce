"""Validation at the edge: the protovalidate rules of the contracts, checked by its engine."""

from __future__ import annotations

from google.protobuf.message import Message
from protovalidate import Validator

from services.core.errors import FieldViolation, InvalidRequestError

# One validator a process: it compiles the rules of a message once. Its creation costs microseconds.
_validator = Validator()


def violations_of(message: Message) -> tuple[FieldViolation, ...]:
    """Return what is wrong with a message; empty when nothing is. Values are never repeated."""
    return tuple(
        FieldViolation(_path_of(violation.proto.field), violation.proto.message)
        for violation in _validator.collect_violations(message)
    )


def validate(message: Message) -> None:
    """Raise InvalidRequestError naming every field that breaks a rule."""
    violations = violations_of(message)
    if violations:
        raise InvalidRequestError(one_line(violations), violations)


def one_line(violations: tuple[FieldViolation, ...]) -> str:
    """Return the violations as one line for a person: field by field, at most three."""
    texts = list(dict.fromkeys(f"{v.field or 'request'}: {v.description}" for v in violations))
    more = f" (and {len(texts) - 3} more)" if len(texts) > 3 else ""
    return "; ".join(texts[:3]) + more


def _path_of(path: object) -> str:
    """Return a field path as people write it: filter.excluded_item_ids[3]."""
    parts = []
    for element in getattr(path, "elements", ()) or ():
        subscript = getattr(element, "subscript", None)
        value = getattr(subscript, "value", None) if subscript is not None else None
        parts.append(f"{element.field_name}[{value}]" if value is not None else element.field_name)
    return ".".join(parts)
