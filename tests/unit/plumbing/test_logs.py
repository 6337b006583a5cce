"""Each test runs a process of its own: logging belongs to the whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.unit

_BEGIN = """
import logging, sys, threading
from services.plumbing.logs import start_logging
start_logging("tested", "INFO")
logger = logging.getLogger("here")
"""


def said(program: str, **environment: str) -> list[dict[str, Any]]:
    """Return the log lines of a program."""
    command = [sys.executable, "-c", _BEGIN + program]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_one_json_object() -> None:
    (line,) = said("logger.info('said %d', 1)")
    assert (line["service"], line["level"], line["logger"], line["message"]) == ("tested", "INFO", "here", "said 1")
    assert not {"trace_id", "span_id"} & line.keys()


def test_what_is_said_in_a_span_carries_its_ids() -> None:
    lines = said("""
from opentelemetry.sdk.trace import TracerProvider
from services.plumbing.opentelemetry_tracer import OpenTelemetryTracer
from services.plumbing.tracing import SpanKind, entry_span, span, trace_with
trace_with(OpenTelemetryTracer(TracerProvider()))
parent = f"00-{'a' * 32}-{'b' * 16}-0"
logger.info("before")
with entry_span("outer", SpanKind.SERVER, parent + "1"):
    logger.info("outer")
    with span("inner"):
        logger.info("inner")
with entry_span("outer", SpanKind.SERVER, parent + "0"):
    logger.info("not sampled")
""")
    assert [line.get("trace_id") for line in lines] == [None, "a" * 32, "a" * 32, None]
    assert len(lines[1]["span_id"]) == 16
    assert lines[1]["span_id"] not in (lines[2]["span_id"], "b" * 16)


@pytest.mark.parametrize(
    "text",
    [
        "raise ConnectionError('no route to postgresql://u:hunter%2F2@h')",
        "raise ConnectionError('no user hunter/2')",
        "threading.Thread(target=lambda: int('hunter/2')).start()",
        "logger.error('a %s', 'hunter/2')",
        "logger.info('told', extra={'url': 'hunter/2'})",
    ],
)
def test_a_secret_of_the_process_is_struck_out_however_it_is_said(text: str) -> None:
    lines = said(text, TROMMEL_DATABASE_URL="postgresql://u:hunter%2F2@h/db")
    assert len(lines) == 1
    assert "***" in json.dumps(lines)
    assert "hunter" not in json.dumps(lines)
