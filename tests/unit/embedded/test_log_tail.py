"""The one line that says why a program ended."""

from __future__ import annotations

import json
from pathlib import Path

from services.embedded.log_tail import last_error_line, size


def test_the_last_telling_line_wins_over_later_chatter(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("starting\nFATAL:  could not open it\nbye\n\n")
    assert last_error_line(log) == "FATAL:  could not open it"


def test_a_trace_gives_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no such thing\n')
    assert last_error_line(log) == "ValueError: no such thing"


def test_a_json_line_gives_message_and_exception(tmp_path: Path) -> None:
    log = tmp_path / "log"
    entry = {"level": "ERROR", "message": "cannot serve", "exc_info": "Traceback …\nOSError: port in use"}
    log.write_text(json.dumps(entry) + "\n" + json.dumps({"message": "goodbye"}) + "\n")
    assert last_error_line(log) == "cannot serve: OSError: port in use"


def test_without_a_telling_line_the_last_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    assert last_error_line(log) == "two"


def test_older_runs_are_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("an old error\n")
    begun = size(log)
    assert last_error_line(log, from_byte=begun) == "no output"
    with log.open("a") as file:
        file.write("a new error\n")
    assert last_error_line(log, from_byte=begun) == "a new error"


def test_no_log_and_a_very_long_line(tmp_path: Path) -> None:
    assert last_error_line(tmp_path / "none") == "no output"
    (tmp_path / "log").write_text("error " + "x" * 100_000)
    assert len(last_error_line(tmp_path / "log")) <= 240
