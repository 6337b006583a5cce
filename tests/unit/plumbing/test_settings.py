from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.plumbing.settings import ServerSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_LISTEN", "127.0.0.1:7102")
    monkeypatch.setenv("TROMMEL_TENANT", "acme")
    monkeypatch.setenv("TROMMEL_SOMETHING_ELSE", "ignored")
    settings = ServerSettings()
    assert (settings.listen, settings.tenant) == ("127.0.0.1:7102", "acme")
    with pytest.raises(ValidationError):
        settings.tenant = "other"


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":7102", "localhost:http", "localhost:65536"])
def test_an_address_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="host:port"):
        ServerSettings(listen=address)


@pytest.mark.parametrize("tenant", ["", "UPPER", "a:b", "a/b", "x" * 64])
def test_a_tenant_that_would_break_keys_is_refused(tenant: str) -> None:
    with pytest.raises(ValidationError):
        ServerSettings(listen="127.0.0.1:0", tenant=tenant)
