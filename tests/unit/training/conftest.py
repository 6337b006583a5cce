from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Models this small only lose by threads, most of all on a busy machine."""
    torch.set_num_threads(1)
