"""What bounds the end of each process is read out of the code, and no setting in seconds is forgotten."""

from __future__ import annotations

import pytest

from services.training.settings import TrainingServerSettings
from services.training.steps import activate
from tools.k8s.deadlines import longest_wait, unknown_waits
from tools.k8s.settings_keys import PROCESSES, number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("process", PROCESSES)
def test_every_setting_in_seconds_is_said_to_be_a_wait_or_none(process: str) -> None:
    assert unknown_waits(process) == []


def test_a_chain_is_what_the_code_says() -> None:
    load = TrainingServerSettings().triton_load_seconds
    assert longest_wait("training-api", {}) == activate._LOCK_WAIT_SECONDS + load
    assert longest_wait("training-api", {"TROMMEL_TRITON_LOAD_SECONDS": "300"}) == activate._LOCK_WAIT_SECONDS + 300


def test_a_callers_budget_is_the_contracts() -> None:
    assert longest_wait("ranking", {}) == longest_wait("candidates", {}) == 60


def test_defaults_are_numbers_or_an_error() -> None:
    assert number("training-worker", "TROMMEL_LEASE_SECONDS") == 15
    with pytest.raises(ValueError, match="no literal number"):
        number("training-worker", "TROMMEL_MAX_RUN_SECONDS")
