from __future__ import annotations

import os
import subprocess
import sys

import pytest

from services.training.waiting_threads import wait_asleep


def test_threads_sleep_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


def test_the_worker_says_so_before_torch_is_loaded() -> None:
    # OpenMP reads the environment once, when it is loaded.
    script = "import sys, services.training.worker; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
