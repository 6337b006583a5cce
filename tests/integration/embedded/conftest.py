"""One embedded stack of PostgreSQL, Redis and Triton for all tests here, in a long path with spaces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.embedded import INFRASTRUCTURE, StackSettings, down, up
from tests.free_ports import free_port_base


def eventually(condition: Callable[[], bool], what: str, timeout_seconds: float = 60.0) -> None:
    """Wait until the condition holds; the limit only ends a test that would hang."""
    until = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"not reached: {what}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory: pytest.TempPathFactory) -> StackSettings:
    """Settings of the shared stack. Its path is longer than a Unix socket's name may be, and has spaces."""
    root = tmp_path_factory.mktemp("stack") / "a directory with spaces" / ("long-" * 20)
    root.parent.mkdir()
    assert len(str(root)) > 107
    return StackSettings(data_dir=root, port_base=free_port_base(), database_url=None, redis_url=None, triton_url=None)


@pytest.fixture(scope="session")
def kept_stack(stack_settings: StackSettings) -> Iterator[StackSettings]:
    """The shared stack; ended when all tests are done. Use `stack`, which also brings it back."""
    try:
        up(stack_settings, only=INFRASTRUCTURE)
        yield stack_settings
    finally:
        down(stack_settings)


@pytest.fixture
def stack(kept_stack: StackSettings) -> StackSettings:
    """The shared stack, running, also where the test before killed it."""
    up(kept_stack, only=INFRASTRUCTURE)
    return kept_stack


@pytest.fixture
def own_settings(tmp_path: Path) -> StackSettings:
    """Settings of a stack of the test's own; nothing is started."""
    return StackSettings(
        data_dir=tmp_path / "data", port_base=free_port_base(), database_url=None, redis_url=None, triton_url=None
    )
