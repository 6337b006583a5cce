from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.training.run_record import RunParameters
from services.training.settings import WorkerSettings
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.make_bundle import config_of, describe
from services.training.text_encoder.default_model import DEFAULT_MODEL


def test_max_epochs_limits_and_never_raises():
    default, settings = TrainingConfig().transformer, WorkerSettings()
    assert config_of(RunParameters(seed=9), settings) == TrainingConfig(seed=9)
    limited = config_of(RunParameters(max_epochs=2), settings).transformer
    assert (limited.epochs, limited.most_epochs, limited.warm_epochs) == (2, 2, 2)
    generous = config_of(RunParameters(max_epochs=1000), settings).transformer
    assert generous == default


def test_the_worker_says_whether_the_text_encoder_is_frozen(monkeypatch):
    assert config_of(RunParameters(), WorkerSettings()).text_tuning.epochs == 0
    monkeypatch.setenv("TROMMEL_TEXT_TUNING_EPOCHS", "3")
    monkeypatch.setenv("TROMMEL_TEXT_TUNING_TASKS", "category, rating")
    tuning = config_of(RunParameters(), WorkerSettings()).text_tuning
    assert (tuning.epochs, tuning.tasks, tuning.model) == (3, ("category", "rating"), DEFAULT_MODEL)
    assert config_of(RunParameters(), WorkerSettings(text_encoder="none")).text_tuning.epochs == 0
    monkeypatch.setenv("TROMMEL_TEXT_TUNING_TASKS", "poetry")
    with pytest.raises(ValidationError, match="category"):
        WorkerSettings()


def test_progress_reads_as_one_line():
    assert describe(Progress("transformer", 0.0)) == "begins"
    whole = Progress("transformer", 0.5, loss=5.3111, validation_ndcg=0.10441, seconds_left=40.4)
    assert describe(whole) == "loss 5.311, NDCG@10 0.1044, about 40 s left"
