"""The one-machine stack: PostgreSQL, Redis, Triton and Trommel's processes, kept running by supervisord.

What other packages use is named here: `StackSettings`, `load_settings`, `up`, `down`, `status`, `preflight`,
`StackError`. Each is imported when it is first asked for: the launcher, which runs at every start of every
program, is a module of this package too and must not wait for database drivers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.embedded.preflight_checks import Check, preflight
    from services.embedded.programs import ALL, INFRASTRUCTURE, SERVICES
    from services.embedded.settings import StackSettings, load_settings
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
    "load_settings",
    "preflight",
    "status",
    "up",
]

_MODULES = {
    "ALL": "programs",
    "INFRASTRUCTURE": "programs",
    "SERVICES": "programs",
    "Check": "preflight_checks",
    "ProcessStatus": "stack_status",
    "StackError": "stack_error",
    "StackSettings": "settings",
    "StackStatus": "stack_status",
    "down": "stack",
    "load_settings": "settings",
    "preflight": "preflight_checks",
    "status": "stack",
    "up": "stack",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
