from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def test_the_version_is_the_installed_one(trommel: Callable[..., Any]) -> None:
    outcome = trommel("--version")
    assert (outcome.code, outcome.output.strip()) == (0, version("trommel"))
