"""Settings: the environment, URLs that replace parts, and one line for a bad value."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.embedded.environment import client_environment
from services.embedded.programs import ALL, INFRASTRUCTURE, choose, service_program, with_watch
from services.embedded.settings import StackSettings, check_text, load_settings
from services.embedded.stack_error import StackError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    for name in ("DATABASE_URL", "REDIS_URL", "TRITON_URL", "PORT_BASE", "BUNDLE_STORE", "MODEL_REPOSITORY"):
        monkeypatch.delenv(f"TROMMEL_{name}", raising=False)
    for folder in ("postgres", "redis"):
        (tmp_path / folder).mkdir()
    return StackSettings(data_dir=tmp_path)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_PORT_BASE", "8200")
    monkeypatch.setenv("TROMMEL_REDIS_URL", "redis://elsewhere/1")
    monkeypatch.setenv("TROMMEL_DATABASE_URL", "")
    settings = load_settings()
    assert settings.port_base == 8200
    assert settings.external_url("redis") == "redis://elsewhere/1"
    assert settings.external_url("postgres") is None, "empty is as good as not set"


@pytest.mark.parametrize("value", ["seven", "80", "99999"])
def test_a_bad_value_is_one_line_that_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TROMMEL_PORT_BASE", value)
    with pytest.raises(StackError, match="TROMMEL_PORT_BASE") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_a_url_of_its_own_is_handed_to_the_services_unchanged(settings: StackSettings) -> None:
    elsewhere = settings.model_copy(update={"database_url": "postgresql://u:p@db/x", "triton_url": "gpu:8001"})
    variables = client_environment(elsewhere)
    assert variables["TROMMEL_DATABASE_URL"] == "postgresql://u:p@db/x"
    assert variables["TROMMEL_TRITON_URL"] == "gpu:8001"
    assert not (settings.root / "postgres" / "password").exists(), "nothing is made for a part that is elsewhere"


def test_embedded_parts_get_urls_with_a_password_that_stays(settings: StackSettings) -> None:
    variables = client_environment(settings)
    assert variables == client_environment(settings)
    assert variables["TROMMEL_DATABASE_URL"].startswith("postgresql://trommel:")
    assert variables["TROMMEL_DATABASE_URL"].endswith("@127.0.0.1:7120/trommel")
    assert variables["TROMMEL_REDIS_URL"].endswith("@127.0.0.1:7121/0")
    assert (settings.root / "redis" / "password").stat().st_mode & 0o077 == 0


def test_each_service_listens_on_its_own_ports(settings: StackSettings) -> None:
    program = service_program("ranking", settings, {"TROMMEL_REDIS_URL": "r"})
    assert program.command[1:] == ("-m", "services.ranking.server")
    assert program.environment["TROMMEL_LISTEN"] == "127.0.0.1:7102"
    assert program.environment["TROMMEL_METRICS_LISTEN"] == "127.0.0.1:7112"
    assert program.environment["TROMMEL_REDIS_URL"] == "r"
    worker = service_program("worker", settings, {})
    assert "--concurrency=1" in worker.command
    assert "TROMMEL_LISTEN" not in worker.environment
    assert worker.environment["TROMMEL_METRICS_LISTEN"] == "127.0.0.1:7115"


def test_the_parts_can_be_chosen() -> None:
    assert choose(None) == ALL
    assert choose({"triton", "postgres"}) == ("postgres", "triton")
    assert with_watch(INFRASTRUCTURE) == ["postgres", "redis", "triton", "triton_watch"]
    with pytest.raises(StackError, match="no mysql in the stack"):
        choose(["mysql"])


def test_a_path_that_configuration_files_cannot_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="unprintable"):
        check_text(StackSettings(data_dir=tmp_path / "a\nb"))
