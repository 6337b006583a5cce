"""Deadlines: the time that is left travels with every call, and each hop leaves some for the way back."""

from __future__ import annotations

import asyncio

import grpc
from google.protobuf.duration_pb2 import Duration

# Share of the caller's remaining time that an answer may use: a degraded answer in time beats a full one too late.
_USABLE_SHARE = 0.9


def deadline_of(context: grpc.aio.ServicerContext, budget: Duration | None, default_seconds: float) -> float:
    """Return when an answer is due, in seconds of the running loop's monotonic clock.

    Args:
        context: Its gRPC deadline bounds the answer.
        budget: The caller's own time budget, or None or zero for the server's default.
        default_seconds: The server's budget.
    """
    seconds = (budget.seconds + budget.nanos / 1e9) if budget is not None else 0.0
    seconds = seconds or default_seconds
    remaining = context.time_remaining()
    if remaining is not None:
        seconds = min(seconds, remaining * _USABLE_SHARE)
    return asyncio.get_running_loop().time() + max(0.0, seconds)


def seconds_left(deadline: float) -> float:
    """Return the seconds until a deadline, never below zero."""
    return max(0.0, deadline - asyncio.get_running_loop().time())
