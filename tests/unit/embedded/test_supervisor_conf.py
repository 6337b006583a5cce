"""supervisord's configuration carries any path, and no secret."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

from supervisor.options import ServerOptions

from services.embedded.programs import Program
from services.embedded.supervisor_conf import render

PROGRAM = Program(
    "postgres",
    ("/bin/postgres", "-D", "/data/a b"),
    Path("/data/a b"),
    environment={"PASSWORD": "secret"},
    stop_signal="INT",
    stop_wait_seconds=60,
)


def test_a_program_is_restarted_and_stopped_by_its_own_signal() -> None:
    section = _parse(render([PROGRAM]))["program:postgres"]
    assert section["autorestart"] == "true"
    assert section["autostart"] == "false"
    assert section["stopsignal"] == "INT"
    assert section["stopwaitsecs"] == "60"
    assert section["stdout_logfile"] == "../logs/postgres.log"


def test_it_holds_no_secret_and_no_absolute_path_of_the_data() -> None:
    text = render([PROGRAM])
    assert "secret" not in text
    assert "/data" not in text


def test_pythons_own_path_may_have_spaces_quotes_and_percent_signs(tmp_path: Path, monkeypatch) -> None:
    python = "/opt/it's 100% mine/bin/python"
    (tmp_path / "logs").mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "supervisord.conf").write_text(render([PROGRAM], python=python))
    monkeypatch.chdir(run)
    options = ServerOptions()
    options.realize(args=["--configuration", "supervisord.conf"])
    program = options.process_group_configs[0].process_configs[0]
    assert shlex.split(program.command) == [python, "-P", "-m", "services.embedded.launch", "postgres"]


def _parse(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser
