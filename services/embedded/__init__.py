"""The one-machine stack: PostgreSQL, Redis, Triton and Trommel's processes, kept running by supervisord.

What other packages use is named here: `StackSettings`, `up`, `down`, `status`, `preflight`, `StackError`.
"""

from __future__ import annotations

from services.embedded.preflight import Check, preflight
from services.embedded.programs import ALL, INFRASTRUCTURE, SERVICES
from services.embedded.settings import StackSettings
from services.embedded.stack import down, status, up
from services.embedded.stack_error import StackError
from services.embedded.stack_status import ProcessStatus, StackStatus

__all__ = [
    "ALL",
    "INFRASTRUCTURE",
    "SERVICES",
    "Check",
    "ProcessStatus",
    "StackError",
    "StackSettings",
    "StackStatus",
    "down",
    "preflight",
    "status",
    "up",
]
