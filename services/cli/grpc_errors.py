"""A gRPC failure as one line for a person: the code's name, the message, the fields, what to do."""

from __future__ import annotations

from typing import Any

import grpc

_TLS_ADVICE = "set TROMMEL_TLS_AUTHORITY, and for mutual TLS TROMMEL_TLS_CERTIFICATE and TROMMEL_TLS_KEY"
_REFUSED = ("failed to connect", "connection refused", "connections to all backends failing", "endpoint closing")


def stack_is_away(error: Any) -> bool:
    """Whether no server answered at all, as opposed to a server that says UNAVAILABLE."""
    details = (error.details() or "").lower()
    return error.code() == grpc.StatusCode.UNAVAILABLE and any(text in details for text in _REFUSED)


def explain(error: Any, target: str = "") -> str:
    """Return the line for a grpc.RpcError.

    Args:
        error: What the call raised.
        target: Where it went, for the line that says that nothing answers there.
    """
    details = (error.details() or "").lower()
    if "tls handshake failed" in details:
        return f"{target or 'the server'} and this command do not agree on TLS: {_TLS_ADVICE}"
    if stack_is_away(error):
        where = f" (nothing answers at {target})" if target else ""
        # A server that wants TLS hangs up on a caller who speaks without.
        tls = f"; if it wants TLS, {_TLS_ADVICE}" if "socket closed" in details else ""
        return f"the stack is not running{where}: start it with `trommel up --detach`{tls}"
    message = error.details() or "no details"
    for field, description in _violations(error):
        if field not in message:
            message += f"; {field}: {description}"
    return f"{error.code().name}: {message}{_advice(error.code())}"


def _advice(code: grpc.StatusCode) -> str:
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return ": look at `trommel status`, or give it longer with --timeout-seconds"
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL}:
        return ": look at `trommel doctor` and the logs in the data directory"
    return ""


def _violations(error: Any) -> list[tuple[str, str]]:
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    try:
        status = rpc_status.from_call(error)
    except ValueError:
        return []
    found: list[tuple[str, str]] = []
    for detail in status.details if status is not None else ():
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):
            found.extend((violation.field, violation.description) for violation in request.field_violations)
    return found
