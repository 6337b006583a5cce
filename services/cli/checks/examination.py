"""The examination: the machine always, the running stack where there is one."""

from __future__ import annotations

import asyncio

from services.cli.checks.finding import Finding
from services.cli.checks.installation import check_installation
from services.embedded import preflight, status
from services.embedded.data_directory import read_record
from services.embedded.settings import load_settings


def examine() -> list[Finding]:
    """Return the findings, well or not.

    Raises:
        StackError: The settings cannot be used.
    """
    settings = load_settings()
    findings = check_installation()
    findings += [Finding(check.name, check.ok, check.message, check.hint) for check in preflight(settings)]
    processes = status(settings)
    if all(process.state == "stopped" for process in processes if process.embedded):
        return [*findings, Finding("stack", True, "not running (trommel up --detach starts it)")]
    from services.cli.checks.running_stack import check_running_stack

    for process in processes:
        well = process.state in {"running", "reachable"}
        hint = f"see {settings.root / 'logs' / (process.name + '.log')}" if process.embedded else "check its URL"
        findings.append(Finding(f"process {process.name}", well, process.state, "" if well else hint))
    environment = read_record(settings.root).get("environment", {})
    return findings + asyncio.run(check_running_stack(environment))
