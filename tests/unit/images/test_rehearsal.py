"""The rehearsal reads the Dockerfile itself: what it starts is what an image would."""

from __future__ import annotations

import json

import pytest

from tools.k8s import image_laws
from tools.rehearse_images import TARGETS, _environment, _stages

pytestmark = pytest.mark.unit


def test_every_target_has_packages_and_a_start() -> None:
    stages = _stages()
    assert set(TARGETS) == set(image_laws.TARGETS)
    for target in TARGETS:
        assert any(word == "RUN" and "wanted.txt" in rest for word, rest in stages[f"{target}-packages"])
        entry = next(json.loads(rest) for word, rest in stages[target] if word == "ENTRYPOINT")
        assert entry[0] == "python"


def test_the_environment_is_the_images_with_stores_away() -> None:
    env = _environment("ranking", _stages())
    assert env["HOME"] == "/tmp"
    assert env["PYTHONPATH"] == "/app:/app/protos"
    assert env["GRPC_ENABLE_FORK_SUPPORT"] == "0"
    assert env["PATH"].startswith("/venv/bin")
    assert env["TROMMEL_REDIS_URL"].endswith(":9/0")
