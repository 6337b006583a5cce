"""Training by several processes, started as a person starts them: by torchrun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.free_ports import free_port_base

ROOT = Path(__file__).parents[3]
SCRIPT = str(Path(__file__).with_name("fit_circle.py"))
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "protos")]),
}


def alone(name: str, folder: Path) -> dict[str, Any]:
    subprocess.run([sys.executable, SCRIPT, name, str(folder)], env=ENVIRONMENT, check=True, timeout=120)
    return result(folder)


def together(name: str, folder: Path) -> dict[str, Any]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*torchrun, SCRIPT, name, str(folder)], env=ENVIRONMENT, check=True, timeout=120)
    return result(folder)


def result(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = torch.load(folder / "fitted.pt", weights_only=True)
    return read


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return together("sampled", tmp_path_factory.mktemp("together"))


def assert_close(one: dict[str, Any], other: dict[str, Any], **tolerance: float) -> None:
    for part in ("validated", "weights"):
        for name, weights in one[part].items():
            torch.testing.assert_close(
                weights, other[part][name], **tolerance, msg=lambda text, at=name: f"{at}: {text}"
            )


def test_two_processes_learn_what_one_does(uninterrupted: dict[str, Any], tmp_path: Path) -> None:
    assert uninterrupted["processes"] == 2
    one = alone("sampled", tmp_path)
    assert one["processes"] == 1
    assert_close(one, uninterrupted, rtol=1e-3, atol=1e-4)


def test_so_they_do_with_the_full_softmax_where_one_has_no_rows(tmp_path: Path) -> None:
    one, two = alone("one-row", folder(tmp_path, "one")), together("one-row", folder(tmp_path, "two"))
    assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_a_killed_process_ends_the_other_and_all_go_on_from_the_checkpoint(
    uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    # Without torchrun, which would end the other process itself.
    ranks = [
        subprocess.Popen(
            [sys.executable, SCRIPT, "sampled", str(tmp_path), "2"],
            env={
                **ENVIRONMENT,
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for port in [free_port_base()]
        for rank in range(2)
    ]
    _, said = ranks[0].communicate(timeout=120)
    ranks[1].communicate(timeout=120)
    assert ranks[1].returncode == -9
    assert ranks[0].returncode == 1
    assert "LostProcessError: another process of this training is gone" in said
    assert not (tmp_path / "fitted.pt").exists()
    resumed = together("sampled", tmp_path)
    assert resumed["first_fraction"] > uninterrupted["first_fraction"] + 0.3, "two of four epochs are not trained again"
    assert_close(resumed, uninterrupted, rtol=0, atol=0)
    assert resumed["metrics"] == uninterrupted["metrics"]
