"""What a serving image holds is enough to import its server, and torch is not asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.image_requirements import requirements

pytestmark = pytest.mark.unit

_WORKER_ONLY = ("torch", "onnx", "onnxruntime", "onnxscript", "scipy")
_TRAINING_ONLY = (*_WORKER_ONLY, "celery", "kombu", "sqlalchemy", "alembic")
_IMPORT = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[2].split(","):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
importlib.import_module(sys.argv[1])
"""


def _import(module: str, absent: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _IMPORT, module, ",".join(absent)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("services.candidates.server", (*_TRAINING_ONLY, "redis")),
        ("services.ranking.server", (*_TRAINING_ONLY, "psycopg", "usearch")),
        ("services.feedback.server", (*_TRAINING_ONLY, "tritonclient", "usearch")),
        ("services.training.server", (*_WORKER_ONLY, "usearch")),
        ("services.plumbing.migrate", (*_WORKER_ONLY, "celery", "grpc", "numpy", "redis", "tritonclient")),
    ],
)
def test_a_server_starts_without_what_its_image_has_not(module: str, absent: tuple[str, ...]) -> None:
    done = _import(module, absent)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_absence_is_real() -> None:
    assert _import("services.training.celery_app", ("celery",)).returncode != 0


def test_extras_unfold() -> None:
    assert any(line.startswith("torch==") for line in requirements("training-worker"))
    for extra in ("candidates", "ranking", "feedback", "training", "migrate"):
        assert not any(line.startswith("torch") for line in requirements(extra))
    with pytest.raises(KeyError):
        requirements("no-such-extra")
