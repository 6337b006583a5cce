from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from services.plumbing import redaction
from services.plumbing.redaction import redacted

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    redaction._secrets.cache_clear()
    yield
    redaction._secrets.cache_clear()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TROMMEL_DATABASE_URL", "postgresql://trommel:hunter2@db:5432/trommel"),
        ("TROMMEL_DATABASE_URL", "postgresq://trommel:hunter2@db"),
        ("TROMMEL_DATABASE_URL", "host=db user=u password=hunter2 dbname=x"),
        ("TROMMEL_DATABASE_URL", "postgresql://db/x?user=u&password=hunter2&sslmode=require"),
        ("TROMMEL_REDIS_URL", "rediss://:hunter2@redis:6379/0"),
        ("TROMMEL_TRITON_ADMIN_KEY", "hunter2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=films,authorization=hunter2"),
    ],
)
def test_what_is_secret_is_struck_out(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert redacted("it is hunter2, hunter2!") == "it is ***, ***!"


@pytest.mark.parametrize("password", ["a/b c@d:e", 'ein"zwei', "übel", "back\\slash"])
def test_quoted_or_not(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_DATABASE_URL", f"postgresql://u:{quote(password, safe='')}@db/x")
    for form in (password, quote(password, safe=""), json.dumps(password)[1:-1]):
        assert redacted(f"<{form}>") == "<***>"


def test_what_a_library_takes_for_the_host_is_struck_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_DATABASE_URL", "postgresql://u:hunt@er2@db/x")
    assert redacted("failed to resolve host 'er2@db'") == "failed to resolve host '***db'"


def test_what_is_not_secret_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_DATABASE_URL", "postgresql://trommel@db:5432/trommel")
    monkeypatch.setenv("TROMMEL_TLS_KEY", "/certificates/tls.key")
    monkeypatch.setenv("TROMMEL_TRITON_ADMIN_KEY", "")
    text = "database trommel at db:5432 with /certificates/tls.key"
    assert redacted(text) == text
