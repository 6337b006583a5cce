"""`python -m tools.monitoring.drill [FAULT ...]`: starts a stack and Debian's Prometheus, makes faults, prints a table.

Each fault must fire its alert and no other, and the alert must end with it. The rules are the checked-in ones with
their times divided by --factor. Exits 1 where anything is otherwise. About half an hour for all faults.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tools.monitoring.drill.faults import FAULTS, Fault
from tools.monitoring.drill.live_queries import panel_problems, rule_problems
from tools.monitoring.drill.prometheus_process import running_prometheus
from tools.monitoring.drill.rehearsal import Outcome, rehearse, settle
from tools.monitoring.drill.small_stack import running_stack
from tools.monitoring.drill.traffic import usual_traffic

_PROMETHEUS_OFFSET = 40
_WARM_UP_SECONDS = 60.0


def main() -> int:
    """Run the drill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(one.name for one in FAULTS)}")
    parser.add_argument("--factor", type=float, default=20.0, help="what the rules' times are divided by")
    parser.add_argument("--port-base", type=int, default=7300)
    arguments = parser.parse_args()
    names = arguments.faults or [one.name for one in FAULTS]
    if unknown := sorted(set(names) - {one.name for one in FAULTS}):
        parser.error(f"there is no fault {', '.join(unknown)}")
    try:
        return _run([one for one in FAULTS if one.name in names], arguments.port_base, arguments.factor)
    except RuntimeError as error:
        print(f"no drill: {error}", file=sys.stderr)
        return 1


def _run(faults: list[Fault], port_base: int, factor: float) -> int:
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="trommel-drill-") as folder:
        watched = Path(folder) / "prometheus"
        watched.mkdir()
        print("starting the stack and training a bundle", flush=True)
        with (
            running_stack(Path(folder) / "stack", port_base) as stack,
            usual_traffic(stack),
            running_prometheus(watched, port_base + _PROMETHEUS_OFFSET, port_base, factor) as prometheus,
        ):
            time.sleep(_WARM_UP_SECONDS)
            began = time.time()
            if firing := settle(prometheus):
                wrong.append(f"before any fault: {', '.join(sorted(firing))}")
            print(
                f"before any fault, {time.time() - began:.0f} s: {', '.join(sorted(firing)) or 'no alert'}", flush=True
            )
            outcomes = []
            for fault in faults:
                outcome = rehearse(fault, stack, prometheus)
                outcomes.append(outcome)
                print(_row(outcome), flush=True)
                wrong += [] if outcome.is_right else [fault.name]
            asked, problems = panel_problems(prometheus)
            print(f"\n{asked} queries of panels asked, {len(problems)} wrong", *problems, sep="\n  ")
            evaluated, failures = rule_problems(prometheus)
            print(f"{evaluated} rules evaluated, {len(failures)} wrong", *failures, sep="\n  ")
    print(f"\nTimes of the rules divided by {factor:g}.\n\n{_HEAD}", *map(_row, outcomes), sep="\n")
    return 1 if wrong or problems or failures else 0


_HEAD = """\
| what happens | alert | fires after | ends after | other alerts |
| --- | --- | --- | --- | --- |"""


def _row(outcome: Outcome) -> str:
    fired, resolved = (
        "never" if after is None else f"{after:.0f} s" for after in (outcome.fired_after, outcome.resolved_after)
    )
    others = ", ".join(outcome.others) or "none"
    return f"| {outcome.fault.says} | {outcome.fault.alert} | {fired} | {resolved} | {others} |"


if __name__ == "__main__":
    sys.exit(main())
