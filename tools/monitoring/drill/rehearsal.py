"""One fault from its beginning to the end of all that follows, and what Prometheus made of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.monitoring.drill.faults import Fault
from tools.monitoring.drill.prometheus_process import Prometheus
from tools.monitoring.drill.small_stack import SmallStack

ALWAYS = "DeadMansSwitch"
_FIRE_SECONDS = 120.0
_HOLD_SECONDS = 45.0
_RESOLVE_SECONDS = 180.0
_QUIET_SECONDS = 30.0
_SUPPRESSED = "max(trommel:part_down:max35m) == 1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times are seconds: from the fault to its alert, and from its end to the alert's; None: not within the limit."""

    fault: Fault
    fired_after: float | None
    resolved_after: float | None
    others: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether the right alert fired, and no other, and ended."""
        return self.fired_after is not None and self.resolved_after is not None and not self.others


def rehearse(fault: Fault, stack: SmallStack, prometheus: Prometheus) -> Outcome:
    """Make the fault, hold it for a while after its alert, end it, and wait until nothing more can come of it."""
    began = time.time()
    with fault.happening(stack):
        fires = _await(lambda: fault.alert in prometheus.firing(), _FIRE_SECONDS)
        time.sleep(_HOLD_SECONDS)
        ended = time.time()
    resolves = fires and _await(lambda: fault.alert not in prometheus.firing(), _RESOLVE_SECONDS)
    # What a part that is down explains is held back for a while: look on until that is over, and a little longer.
    settle(prometheus)
    seen = prometheus.fired(began, time.time())
    first, last = seen.get(fault.alert, (0.0, 0.0))
    return Outcome(
        fault,
        first - began if first else None,
        max(0.0, last - ended) if resolves else None,
        tuple(sorted(set(seen) - {fault.alert, ALWAYS})),
    )


def settle(prometheus: Prometheus) -> set[str]:
    """Wait until no alert fires and none is held back, for a while; return what fires nevertheless in the end."""
    _await(lambda: prometheus.firing() <= {ALWAYS} and not prometheus.value(_SUPPRESSED), _RESOLVE_SECONDS)
    time.sleep(_QUIET_SECONDS)
    return prometheus.firing() - {ALWAYS}


def _await(holds: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
