"""The status code with which a call of ours ends, as its caller sees it."""

from __future__ import annotations

import asyncio

import grpc

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def code_of(context: grpc.aio.ServicerContext, error: BaseException | None) -> grpc.StatusCode:
    """Return the code of a call that ends now: gRPC gives 0 or None while none is set.

    error: What leaves the servicer and its other interceptors, if anything.
    """
    if isinstance(error, asyncio.CancelledError):
        return grpc.StatusCode.CANCELLED
    otherwise = grpc.StatusCode.OK if error is None else grpc.StatusCode.UNKNOWN
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return _CODES.get(code, otherwise) if code else otherwise
