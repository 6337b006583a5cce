"""Ports: the plan has no clash, and a busy one is found with its holder."""

from __future__ import annotations

import os
import socket

import pytest

from services.embedded.ports import OFFSETS, check_free, holder, is_free, ports_of
from services.embedded.programs import ALL, endpoint
from services.embedded.stack_error import StackError


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_no_two_parts_share_a_port() -> None:
    offsets = [offset for ports in OFFSETS.values() for offset in ports.values()]
    assert len(offsets) == len(set(offsets))
    assert set(OFFSETS) == set(ALL)


def test_the_documented_ports() -> None:
    assert ports_of("candidates", 7100) == {"grpc": 7101, "metrics": 7111}
    assert ports_of("worker", 7100) == {"metrics": 7115}
    assert endpoint("postgres", 7100) == "127.0.0.1:7120"
    assert endpoint("triton", 7100) == "127.0.0.1:7131"
    assert endpoint("worker", 7100) == ""
    assert ports_of("triton_watch", 7100) == {}


def test_a_listener_makes_a_port_busy(busy_port: int) -> None:
    assert not is_free(busy_port)
    assert f"process {os.getpid()}" in holder(busy_port)


def test_every_busy_port_is_named(busy_port: int) -> None:
    base = busy_port - OFFSETS["redis"]["redis"]
    with pytest.raises(StackError) as caught:
        check_free(["redis"], base)
    assert f"port {busy_port} (redis)" in caught.value.message
    assert "TROMMEL_PORT_BASE" in caught.value.hint
    check_free([], base)


def test_a_port_in_time_wait_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first waits
        client.close()
    assert is_free(port)
