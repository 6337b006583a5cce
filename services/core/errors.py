"""What can go wrong, in words of the domain; plumbing turns each into one gRPC status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request and what is wrong with it."""

    field: str
    description: str


class DomainError(Exception):
    """A failure whose text a caller may read: no internals, no secrets."""


class InvalidRequestError(DomainError):
    """The request can never succeed as it is."""

    def __init__(self, message: str, violations: tuple[FieldViolation, ...] = ()) -> None:
        super().__init__(message)
        self.violations = violations


class NotFoundError(DomainError):
    """What the request names does not exist."""


class PreconditionError(DomainError):
    """The request is right, but the system is not in the state it needs; something must be done first."""


class UnavailableError(DomainError):
    """A part is away; the same request may succeed a little later."""


class OverloadedError(DomainError):
    """A bounded queue is full; back off and try again."""
