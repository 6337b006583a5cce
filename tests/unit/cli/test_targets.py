from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.targets import metrics_url, port_base, target


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PORT_BASE", "RANKING_URL", "FEEDBACK_URL"):
        monkeypatch.delenv(f"TROMMEL_{name}", raising=False)
    monkeypatch.setenv("TROMMEL_DATA_DIR", str(tmp_path))
    return tmp_path


def test_the_default_ports() -> None:
    assert target("candidates") == "127.0.0.1:7101"
    assert target("training") == "127.0.0.1:7104"
    assert metrics_url("ranking") == "http://127.0.0.1:7112/metrics"


def test_the_stack_in_the_data_directory_is_found(bare_environment: Path) -> None:
    (bare_environment / "stack.json").write_text(json.dumps({"port_base": 7800}))
    assert target("ranking") == "127.0.0.1:7802"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"port_base": "x"}', '{"port_base": null}'])
def test_a_record_that_is_none_is_passed_over(bare_environment: Path, text: str) -> None:
    (bare_environment / "stack.json").write_text(text)
    assert port_base() == 7100


def test_the_environment_comes_first(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare_environment / "stack.json").write_text(json.dumps({"port_base": 7800}))
    monkeypatch.setenv("TROMMEL_PORT_BASE", "7900")
    assert target("ranking") == "127.0.0.1:7902"
    monkeypatch.setenv("TROMMEL_RANKING_URL", "dns:///ranking:7102")
    assert target("ranking") == "dns:///ranking:7102"
