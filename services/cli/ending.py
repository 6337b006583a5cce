"""Ending orderly: what was started is stopped, whichever signal ends the command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_REQUESTS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ends_orderly() -> Iterator[None]:
    """Let a request to end, or the terminal that closes, end the work inside as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = [signal.signal(number, interrupt) for number in _REQUESTS]
    try:
        yield
    finally:
        for number, handler in zip(_REQUESTS, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no signal to end break off the work inside: a second Ctrl-C must not leave processes behind."""
    numbers = (signal.SIGINT, *_REQUESTS)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
