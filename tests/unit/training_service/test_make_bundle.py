from __future__ import annotations

from services.training.run_record import RunParameters
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.make_bundle import config_of, describe


def test_max_epochs_limits_and_never_raises():
    default = TrainingConfig().transformer
    assert config_of(RunParameters(seed=9)) == TrainingConfig(seed=9)
    limited = config_of(RunParameters(max_epochs=2)).transformer
    assert (limited.epochs, limited.most_epochs, limited.warm_epochs) == (2, 2, 2)
    generous = config_of(RunParameters(max_epochs=1000)).transformer
    assert generous == default


def test_progress_reads_as_one_line():
    assert describe(Progress("transformer", 0.0)) == "begins"
    whole = Progress("transformer", 0.5, loss=5.3111, validation_ndcg=0.10441, seconds_left=40.4)
    assert describe(whole) == "loss 5.311, NDCG@10 0.1044, about 40 s left"
