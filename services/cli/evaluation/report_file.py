"""Writes the report page of an evaluation, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from services.cli.console import note
from services.cli.evaluation.report_page.page import render
from services.cli.output_file import write_output


def write_report(path: Path, result: Mapping[str, Any]) -> None:
    """Write the page. Raises CliError if the file cannot be written."""
    write_output(path, [render(result, datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"))])
    note(f"report: {path}")
