"""The command line speaks TLS to a server that wants it: the real ranking server, with everything else away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from trommel.ranking.v1.ranking_pb2 import RecommendRequest

from services.cli import stubs
from services.cli.checks.running_stack import _health
from services.cli.cli_error import CliError
from services.plumbing.server import serving
from services.ranking.composition import compose
from services.ranking.settings import RankingSettings
from tests.certificates import HAVE_OPENSSL, make_certificates

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not HAVE_OPENSSL, reason="openssl is not installed"),
]
_SERVED = "INVALID_ARGUMENT"  # what an empty request gets from the server itself
_NAMES = ("TROMMEL_TLS_CERTIFICATE", "TROMMEL_TLS_KEY", "TROMMEL_TLS_AUTHORITY")


@pytest.fixture(autouse=True)
def no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def _ranking(folder: Path, monkeypatch: pytest.MonkeyPatch, **tls: Path | None) -> AsyncIterator[None]:
    settings = RankingSettings(
        listen="127.0.0.1:0",
        redis_url="redis://127.0.0.1:9/0",
        triton_url="127.0.0.1:9",
        candidates_url="127.0.0.1:9",
        feedback_url="127.0.0.1:9",
        bundle_store=folder / "bundles",
        drain_delay_seconds=0,
        drain_seconds=1,
        **tls,  # type: ignore[arg-type]
    )
    async with compose(settings) as register, serving(settings, register) as port:
        monkeypatch.setenv("TROMMEL_RANKING_URL", f"127.0.0.1:{port}")
        yield


async def _ask() -> str:
    with pytest.raises(CliError) as error:
        async with stubs.ranking() as ranking:
            await ranking.Recommend(RecommendRequest(), timeout=10)
    return str(error.value)


def _set(monkeypatch: pytest.MonkeyPatch, files: dict[str, Path], *names: str) -> None:
    for name in names:
        monkeypatch.setenv(f"TROMMEL_{name.upper()}", str(files[name]))


async def test_a_certificate_of_the_authority_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_certificates(tmp_path / "own")
    async with _ranking(tmp_path, monkeypatch, **own):
        assert "if it wants TLS, set TROMMEL_TLS_AUTHORITY" in await _ask()
        _set(monkeypatch, own, "tls_authority")  # a caller without a certificate
        assert "if it wants TLS" in await _ask()
        assert not (await _health("ranking")).ok
        _set(monkeypatch, own, "tls_certificate", "tls_key")
        assert (await _ask()).startswith(_SERVED)
        assert (await _health("ranking")).ok


async def test_a_server_of_another_authority_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, strange = make_certificates(tmp_path / "own"), make_certificates(tmp_path / "strange")
    _set(monkeypatch, strange, *strange)
    async with _ranking(tmp_path, monkeypatch, **own):
        assert "do not agree on TLS" in await _ask()
    async with _ranking(tmp_path, monkeypatch, **dict.fromkeys(own)):  # a server without TLS
        assert "do not agree on TLS" in await _ask()


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("tls_certificate",), "go together"),
        (("tls_certificate", "tls_authority"), "go together"),
        (("tls_certificate", "tls_key"), "TROMMEL_TLS_AUTHORITY must name"),
    ],
)
async def test_files_that_do_not_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], text: str
) -> None:
    _set(monkeypatch, {name: tmp_path / name for name in names}, *names)
    assert text in await _ask()


async def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"tls_authority": tmp_path / "ca.crt"}, "tls_authority")
    assert "ca.crt cannot be read" in await _ask()
    (tmp_path / "ca.crt").write_text("no certificate")
    assert "ca.crt is not a PEM file" in await _ask()
