"""Ports for a stack of the tests' own."""

from __future__ import annotations

import random

from services.embedded.ports import OFFSETS, is_free


def free_port_base() -> int:
    """Return a port base whose ports are all free at this moment, below those that the system hands out itself."""
    offsets = [offset for ports in OFFSETS.values() for offset in ports.values()]
    for _ in range(100):
        base = random.randrange(20_000, 30_000, 50)
        if all(is_free(base + offset) for offset in offsets):
            return base
    raise RuntimeError("no free range of ports between 20000 and 30000")
