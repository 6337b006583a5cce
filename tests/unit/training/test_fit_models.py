"""Fitting without export: resumable as if never stopped, repeatable, and blind to what is held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from services.core.sources.source import Source
from services.training.sources.registry import FITTINGS, Fitting
from services.training.steps import fit_transformer
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit import STAGES, FittedModels, fit_models
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress, ProgressReport, TrainingStoppedError
from services.training.steps.leak_check import LeakError, check_no_leak
from services.training.steps.learning_curve import EpochFacts
from tests.circle_walks import CONFIG, circle_log
from tests.planted_leak import leaky_hold_out_last

SAMPLED = replace(CONFIG, transformer=replace(CONFIG.transformer, full_softmax_items=10, negatives=16))


def fit(
    folder: Path,
    config: TrainingConfig = CONFIG,
    log: InteractionLog | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    said: list[Progress] | None = None,
) -> FittedModels:
    report = ProgressReport((said if said is not None else []).append, should_stop, STAGES)
    return fit_models(log or circle_log(), config, report, folder / "transformer.pt")


def assert_equal(one: FittedModels, other: FittedModels) -> None:
    for weights, others in (
        (one.validated_weights, other.validated_weights),
        (one.encoder.state_dict(), other.encoder.state_dict()),
    ):
        assert all(torch.equal(value, others[name]) for name, value in weights.items())
    assert one.metrics == other.metrics
    assert {**one.training, "seconds": None} == {**other.training, "seconds": None}
    np.testing.assert_array_equal(one.blend.linear, other.blend.linear)


class StopAfter:
    """Says yes from its n-th question on."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[TrainingConfig, FittedModels]:
    return {config: fit(tmp_path_factory.mktemp("whole"), config) for config in (CONFIG, SAMPLED)}


@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["full", "sampled"])
def test_it_learns_the_pattern_and_equal_runs_are_equal(
    config: TrainingConfig, uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path
) -> None:
    fitted = uninterrupted[config]
    assert fitted.metrics["sequence"]["recall@10"] > 2 * fitted.metrics["popularity"]["recall@10"]
    assert_equal(fit(tmp_path, config), fitted)


def test_the_curve_tells_of_every_epoch(uninterrupted: dict[TrainingConfig, FittedModels]) -> None:
    training = uninterrupted[CONFIG].training
    epochs, finish = training["curve"]["epochs"], training["curve"]["finish"]
    assert [facts["epoch"] for facts in epochs] == [1, 2, 3, 4]
    assert [facts["validation_ndcg"] is None for facts in epochs] == [True, False, True, False]
    best = max(facts["validation_ndcg"] or 0.0 for facts in epochs)
    assert epochs[training["best_epoch"] - 1]["validation_ndcg"] == best
    assert epochs[0]["loss"] > epochs[-1]["loss"] > 0
    # What begins at random knows nothing: the mean loss of its first steps is about that of a guess among 40.
    assert epochs[0]["loss"] < np.log(40) + 0.5
    assert epochs[0]["learning_rate"] > epochs[-1]["learning_rate"] > 0
    assert [facts["epoch"] for facts in finish] == [1]
    assert len(training["seconds"]["epochs"]) == 4
    assert len(training["seconds"]["finish_epochs"]) == 1
    assert set(training["seconds"]) > {"transformer", "sources", "evaluate", "finish"}


def test_the_ablation_changes_nothing_else(uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path) -> None:
    fitted = fit(tmp_path, replace(CONFIG, ablation=True, ablation_users=25))
    found = fitted.training["ablation"]
    assert found["users"] == 25
    assert set(found["without"]) == {*fitted.sources, "transformer"}
    assert "ablation" not in uninterrupted[CONFIG].training
    same = {"ablation": None, "config": None, "seconds": None}
    assert {**fitted.training, **same} == {**uninterrupted[CONFIG].training, **same}
    assert fitted.metrics == uninterrupted[CONFIG].metrics
    np.testing.assert_array_equal(fitted.blend.linear, uninterrupted[CONFIG].blend.linear)


def test_another_seed_is_another_model(uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path) -> None:
    other = fit(tmp_path, replace(CONFIG, seed=7))
    assert not torch.equal(other.encoder.items.weight, uninterrupted[CONFIG].encoder.items.weight)


@pytest.mark.parametrize("questions", [3, 14, 30])
@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["full", "sampled"])
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    config: TrainingConfig, uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path, questions: int
) -> None:
    with pytest.raises(TrainingStoppedError):
        fit(tmp_path, config, should_stop=StopAfter(questions))
    said: list[Progress] = []
    assert_equal(fit(tmp_path, config, said=said), uninterrupted[config])
    if questions > 10:
        assert said[1].stage == "transformer"
        assert said[1].fraction > 0.1, "the epochs before the stop are not trained again"


def test_a_checkpoint_of_another_run_is_not_used(
    uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path
) -> None:
    with pytest.raises(TrainingStoppedError):
        fit(tmp_path, replace(CONFIG, seed=9), should_stop=StopAfter(20))
    assert (tmp_path / "transformer.pt").is_file()
    assert_equal(fit(tmp_path), uninterrupted[CONFIG])


def test_a_damaged_checkpoint_starts_anew(uninterrupted: dict[TrainingConfig, FittedModels], tmp_path: Path) -> None:
    (tmp_path / "transformer.pt").write_bytes(b"half a fi")
    assert_equal(fit(tmp_path), uninterrupted[CONFIG])


def test_what_is_held_out_has_no_part_in_the_validated_weights(tmp_path: Path) -> None:
    # Another last item for every user, everything else equal: the weights before the finish must not notice.
    log = circle_log()
    changed = log.rows.copy()
    for user, place in enumerate(log.starts[1:] - 1):
        free = np.setdiff1d(np.arange(1, 41), log.sequence(user))
        changed[place] = free[user % len(free)]
    variant = InteractionLog(log.item_ids, log.starts, changed, log.times)
    assert np.array_equal(hold_out_last(variant).log.rows, hold_out_last(log).log.rows)
    # One validation only, at the end: choosing an epoch is the one thing that may depend on it.
    config = replace(CONFIG, transformer=replace(CONFIG.transformer, validate_every_epochs=4))
    one, other = fit(tmp_path / "one", config, log), fit(tmp_path / "other", config, variant)
    for name, value in one.validated_weights.items():
        assert torch.equal(value, other.validated_weights[name])
    assert not torch.equal(one.encoder.items.weight, other.encoder.items.weight), "the finish does read them"


def test_what_is_validated_is_fitted_without_what_it_is_validated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = circle_log()
    split = hold_out_last(log)
    read_by_transformer: list[InteractionLog] = []
    read_by_sources: list[InteractionLog] = []

    def spy_on_epochs(split: HeldOut, *rest: Any) -> fit_transformer.FittedEncoder:
        read_by_transformer.append(split.log)
        return fit_transformer.fit_validated(split, *rest)

    def spy_on_finish(log: InteractionLog, *rest: Any) -> list[EpochFacts]:
        read_by_transformer.append(log)
        return fit_transformer.finish(log, *rest)

    def spy_on(fitting: Fitting) -> Fitting:
        def read(log: InteractionLog, config: TrainingConfig) -> Source:
            read_by_sources.append(log)
            return fitting.fit(log, config)

        return replace(fitting, fit=read)

    monkeypatch.setattr("services.training.steps.fit.fit_validated", spy_on_epochs)
    monkeypatch.setattr("services.training.steps.fit.finish", spy_on_finish)
    monkeypatch.setattr("services.training.steps.fit.FITTINGS", {n: spy_on(fitting) for n, fitting in FITTINGS.items()})
    fit(tmp_path, log=log)
    # Once for the validation, and once for what is served, which is not measured any more.
    assert len(read_by_transformer) == 2
    assert len(read_by_sources) % 2 == 0
    for logs in (read_by_transformer, read_by_sources):
        half = len(logs) // 2
        for learnt in logs[:half]:
            check_no_leak(log, HeldOut(learnt, split.users, split.targets), "validation")
        assert all(len(learnt) == len(log) for learnt in logs[half:])


def test_a_planted_validation_item_ends_the_run_before_anything_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = circle_log()
    monkeypatch.setattr("services.training.steps.fit.hold_out_last", leaky_hold_out_last)
    monkeypatch.setattr("services.training.steps.fit.new_encoder", lambda *_: pytest.fail("it learns"))
    item = log.item_ids[hold_out_last(log).targets[7]]
    with pytest.raises(LeakError, match=f"the validation item {item} of a user is among"):
        fit(tmp_path, log=log)


def test_users_without_interactions_do_not_matter(tmp_path: Path) -> None:
    log = circle_log()
    starts = np.concatenate([log.starts, log.starts[-1:]])
    fitted = fit(tmp_path, log=InteractionLog(log.item_ids, starts, log.rows, log.times))
    assert np.isfinite(fitted.metrics["ranker"]["ndcg@10"])
