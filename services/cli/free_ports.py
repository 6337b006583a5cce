"""A port base for a stack that a command starts for itself."""

from __future__ import annotations

from services.cli.cli_error import CliError
from services.embedded.ports import OFFSETS, is_free

_LAST_BASE = 9900
_STEP = 100


def free_base(first: int) -> int:
    """Return the first base from ``first`` on, in hundreds, whose ports are all free now. Raises CliError."""
    for base in range(first, _LAST_BASE + 1, _STEP):
        if all(is_free(base + offset) for part in OFFSETS.values() for offset in part.values()):
            return base
    raise CliError(f"no free ports between {first} and {_LAST_BASE}: choose with --port-base")
