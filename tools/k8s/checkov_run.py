"""Checkov over every distinct object, and the proof that it looked at each one that it has checks for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

# Checkov has checks for these of our kinds; an object without any record was not read.
CHECKED_KINDS = ("deployment", "statefulset", "job", "serviceaccount", "service")


def checkov_problems(checkov: Path, folder: Path) -> list[str]:
    """Return what checkov finds in a folder with one object a file, named NUMBER-KIND-NAME.yaml."""
    words = ("--framework", "kubernetes", "--skip-download", "--compact", "-o", "json", "-d")
    done = subprocess.run([checkov, *words, folder], capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"checkov did not run: {(done.stderr or done.stdout).strip()[-300:]}"]
    return report_problems(report, [file.name for file in sorted(folder.glob("*.yaml"))])


def report_problems(report: dict[str, Any], files: list[str]) -> list[str]:
    """Return a line for each failed check, each exception without a reason and each file that was not looked at."""
    results = report.get("results", {})
    records = [
        record
        for name in ("passed_checks", "failed_checks", "skipped_checks", "parsing_errors")
        for record in results.get(name, [])
    ]
    seen = {Path(record["file_path"] if isinstance(record, dict) else record).name for record in records}
    lines = {
        f"{check['check_id']} {check['resource']} ({check['file_path'].strip('/')}): {check['check_name']}"
        for check in results.get("failed_checks", [])
    }
    lines |= {
        f"{check['check_id']} {check['resource']} is skipped without a reason"
        for check in results.get("skipped_checks", [])
        if not re.search(r"\w+ \w+", check["check_result"].get("suppress_comment", ""))
    }
    lines |= {f"checkov cannot read {name}" for name in results.get("parsing_errors", [])}
    wanted = {name for name in files if name.split("-")[1] in CHECKED_KINDS}
    lines |= {f"checkov did not look at {name}" for name in wanted - seen}
    if not wanted:
        lines.add("checkov was given no workload")
    summary = report.get("summary", {})
    print(
        f"  checkov: {len(seen)} objects; {summary.get('passed', 0)} passed, {summary.get('failed', 0)} failed, "
        f"{summary.get('skipped', 0)} skipped with a reason"
    )
    return sorted(lines)
