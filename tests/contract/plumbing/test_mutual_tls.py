"""Mutual TLS of the server shell: a caller with a certificate is served, every other is not; probes need none."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import ValidationError

from services.plumbing.clients.channels import open_channel
from services.plumbing.server import serving
from services.plumbing.settings import ServerSettings
from services.plumbing.tls import channel_credentials, server_credentials
from tests.certificates import HAVE_OPENSSL, make_certificates
from tests.free_ports import free_port_base

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not HAVE_OPENSSL, reason="openssl is not installed"),
]


def _nothing(_: grpc.aio.Server) -> tuple[str, ...]:
    return ()


async def _health(channel: grpc.aio.Channel) -> int:
    async with channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        return int(answer.status)


async def test_only_callers_with_a_certificate_of_the_authority_are_served(tmp_path: Path) -> None:
    own, strange = make_certificates(tmp_path / "own"), make_certificates(tmp_path / "strange")
    probes = free_port_base()
    settings = ServerSettings(listen="127.0.0.1:0", health_listen=f"127.0.0.1:{probes}", drain_delay_seconds=0, **own)
    async with serving(settings, _nothing) as port:
        target = f"localhost:{port}"
        assert await _health(open_channel(target, "", credentials=channel_credentials(settings))) == 1
        mixed = {**strange, "tls_authority": own["tls_authority"]}
        stranger = channel_credentials(ServerSettings(listen="127.0.0.1:0", **mixed))
        without = grpc.ssl_channel_credentials(own["tls_authority"].read_bytes())
        for refused in (stranger, without, None):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await _health(open_channel(target, "", retry=False, credentials=refused))
            assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        # The kubelet's way: no certificate, nothing but health.
        assert await _health(grpc.aio.insecure_channel(f"127.0.0.1:{probes}")) == 1


async def test_a_renewed_certificate_needs_no_restart(tmp_path: Path) -> None:
    old, new = make_certificates(tmp_path / "old"), make_certificates(tmp_path / "new")
    settings = ServerSettings(listen="127.0.0.1:0", drain_delay_seconds=0, **old)
    async with serving(settings, _nothing) as port:
        for name, file in old.items():
            file.write_bytes(new[name].read_bytes())
        renewed = channel_credentials(ServerSettings(listen="127.0.0.1:0", **new))
        assert await _health(open_channel(f"localhost:{port}", "", credentials=renewed)) == 1


def test_tls_is_off_by_default_and_never_half_on(tmp_path: Path) -> None:
    assert server_credentials(ServerSettings(listen="127.0.0.1:0")) is None
    assert channel_credentials(ServerSettings(listen="127.0.0.1:0")) is None
    with pytest.raises(ValidationError, match="go together"):
        ServerSettings(listen="127.0.0.1:0", tls_key=tmp_path / "key")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in ("tls_certificate", "tls_key", "tls_authority")}
    with pytest.raises(OSError, match="tls_certificate"):
        server_credentials(ServerSettings(listen="127.0.0.1:0", **names))
