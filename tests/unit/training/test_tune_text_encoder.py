"""A text encoder that is fine-tuned with the ranker learns who takes what its words stand for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.core.bundle import BundleManifest, bundle_path, verify_bundle
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.core.text_encoder_files import TEXT, TUNED_TEXT, TUNED_TEXT_ENCODER
from services.training.model.encoder import SequenceEncoder
from services.training.model.text_tower import TextTower, TowerShape
from services.training.steps.bundle import fit_bundle
from services.training.steps.examples import InteractionLog, hold_out_last
from services.training.steps.fit_config import ContentMapConfig, TrainingConfig
from services.training.steps.fit_progress import ProgressReport, TrainingStoppedError
from services.training.steps.fit_transformer import Schedule, fit_validated, new_encoder
from services.training.steps.tune_text_encoder import TunedTextEncoder, tune_text_encoder
from services.training.text_encoder.export import load_text_encoder
from services.training.text_encoder.in_bundle import with_tuned_text
from tests.circle_walks import CONFIG
from tests.kinds_in_words import EACH, ITEMS, KINDS, OF_KIND, USERS, config_of, log_of_kinds, save_model
from tests.tiny_text_encoder import WIDTH


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_model(tmp_path_factory.mktemp("tiny"))


def tuned(
    log: InteractionLog, config: TrainingConfig, encoder: SequenceEncoder | None = None
) -> TunedTextEncoder | None:
    report = ProgressReport(lambda now: None, lambda: False, {"texts": 1.0})
    return tune_text_encoder(hold_out_last(log), config, encoder or new_encoder(log, config), report)


def separation(vectors: np.ndarray, rows: np.ndarray) -> float:
    """By how much items of one kind are more alike than items of two, less what all have in common."""
    unit = vectors[rows] - vectors[1:].mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    likeness, same = unit @ unit.T, (rows[:, None] % KINDS) == (rows[None, :] % KINDS)
    np.fill_diagonal(same, val=False)
    other = (rows[:, None] % KINDS) != (rows[None, :] % KINDS)
    return float(likeness[same].mean() - likeness[other].mean())


def trained_encoder(log: InteractionLog, config: TrainingConfig, work: Path) -> SequenceEncoder:
    settings = config.transformer
    schedule = Schedule(0, settings.epochs, settings.learning_rate)
    report = ProgressReport(lambda now: None, lambda: False, {"transformer": 1.0})
    return fit_validated(
        hold_out_last(log), config, new_encoder(log, config), schedule, report, work / "state.pt", ""
    ).encoder


def test_texts_that_were_never_shown_lie_by_who_takes_them(model: str, tmp_path: Path) -> None:
    log, config = log_of_kinds(), config_of(model)
    before = separation(vectors_of(model, log), np.arange(1, ITEMS + 1))
    found = tuned(log, config, trained_encoder(log, config, tmp_path))
    assert found is not None
    assert len(found.hidden) == ITEMS // 5
    assert found.facts["items"] == ITEMS - ITEMS // 5
    assert found.vectors.shape == (ITEMS + 1, WIDTH)
    assert not found.vectors[0].any()
    assert separation(found.vectors, found.hidden) > before + 0.2
    assert found.facts["losses"][-1] < found.facts["losses"][0]


def vectors_of(model: str, log: InteractionLog) -> np.ndarray:
    loaded = load_text_encoder(model)
    made = np.zeros((ITEMS + 1, WIDTH), np.float32)
    for row, text in enumerate(log.texts or ()):
        if text:
            given = loaded.tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                made[row] = loaded.module(given["input_ids"], given["attention_mask"])[0].numpy()
    return made


def test_lower_layers_and_words_stay_as_they_were(model: str) -> None:
    log, config = log_of_kinds(), config_of(model, epochs=1)
    found = tuned(log, replace(config, text_tuning=replace(config.text_tuning, layers=1)))
    assert found is not None
    before, after = load_text_encoder(model).module.state_dict(), found.loaded.module.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(".encoder.layer.1." in name for name in moved)


def test_equal_runs_give_equal_vectors(model: str) -> None:
    log, config = log_of_kinds(), config_of(model, ("category",), epochs=1)
    torch.manual_seed(5)
    first = tuned(log, config)
    torch.manual_seed(6)
    second = tuned(log, config)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.vectors, second.vectors)


@pytest.mark.parametrize("task", ["category", "rating"])
def test_a_further_task_alone_tells_the_kinds_apart(model: str, task: str) -> None:
    """Users who take anything: who takes what says nothing, the category or the rating does."""
    log = log_of_kinds(values=True)
    random = np.random.default_rng(1)
    rows = np.concatenate([random.choice(ITEMS, EACH, replace=False) + 1 for _ in range(USERS)]).astype(np.int32)
    log = replace(log, rows=rows, values=(1.0 + 4.0 * (rows % KINDS)).astype(np.float32))
    without, with_task = tuned(log, config_of(model)), tuned(log, config_of(model, (task,)))
    assert without is not None
    assert with_task is not None
    assert with_task.facts["tasks"] == [task]
    assert separation(with_task.vectors, with_task.hidden) > separation(without.vectors, without.hidden) + 0.1


def test_a_task_that_nothing_is_known_for_is_left_out(model: str) -> None:
    log = replace(log_of_kinds(), contents=None)
    found = tuned(log, config_of(model, ("category", "rating"), epochs=1))
    assert found is not None
    assert found.facts["tasks"] == []


def test_the_ranker_keeps_what_validates_better(model: str, tmp_path: Path) -> None:
    log = log_of_kinds()
    config = config_of(model, epochs=1)
    # A rate at which nothing survives.
    wild = replace(config, text_tuning=replace(config.text_tuning, ranker_rate=5.0))
    encoder = trained_encoder(log, wild, tmp_path)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    found = tuned(log, wild, encoder)
    assert found is not None
    assert found.facts["ndcg_after"] < found.facts["ndcg_before"]
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_too_few_texts_leave_it_frozen(model: str) -> None:
    log = log_of_kinds()
    texts = list(log.texts or ())
    assert tuned(replace(log, texts=[*texts[:60], *[""] * (ITEMS - 59)]), config_of(model)) is None
    assert tuned(replace(log, texts=None), config_of(model)) is None


def test_it_stops_when_asked_to(model: str) -> None:
    log, config = log_of_kinds(), config_of(model)
    report = ProgressReport(lambda now: None, lambda: True, {"texts": 1.0})
    with pytest.raises(TrainingStoppedError):
        tune_text_encoder(hold_out_last(log), config, new_encoder(log, config), report)


def test_an_encoder_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="no stack of layers"):
        TextTower(torch.nn.Linear(2, 2), TowerShape(2, 2), 1)


@pytest.fixture(scope="module")
def store(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    config = config_of(model)
    config = replace(config, transformer=replace(config.transformer, epochs=4))
    stages: list[str] = []
    log = replace(log_of_kinds(), contents=[ItemContent()] * (ITEMS + 1))
    fit_bundle(log, config, folder, "1", lambda now: stages.append(now.stage))
    assert "texts" in stages
    return folder


def test_the_bundle_brings_the_tuned_encoder(store: Path, model: str) -> None:
    manifest: BundleManifest = verify_bundle(bundle_path(store, "1"))
    assert manifest.training["text_tuning"]["kept"]
    entry = manifest.models[TUNED_TEXT_ENCODER]
    assert [tensor.name for tensor in entry.inputs] == ["input_ids", "attention_mask"]
    content_map = ContentMap.load(bundle_path(store, "1"))
    assert content_map is not None
    assert content_map.space.reads(TUNED_TEXT)
    bundle = load_candidate_bundle(bundle_path(store, "1"), manifest, 0)
    assert bundle.text_tokens is not None
    assert bundle.text_tokens.description.name == model


def test_new_items_are_read_with_it(store: Path) -> None:
    bundle = bundle_path(store, "1")
    texts = ["", f"filling1 {OF_KIND[0][0]}", f"filling1 {OF_KIND[1][0]}", f"filling2 {OF_KIND[0][1]}"]
    contents = [ItemContent(), *(ItemContent({TEXT: np.ones(3, np.float32)}) for _ in texts[1:])]
    made = with_tuned_text(bundle, contents, texts)
    assert not made[0].vectors
    assert set(made[1].vectors) == {TEXT, TUNED_TEXT}
    of_kinds = [content.vectors[TUNED_TEXT] for content in made[1:]]
    assert of_kinds[0] @ of_kinds[2] > of_kinds[0] @ of_kinds[1]
    content_map = ContentMap.load(bundle)
    assert content_map is not None
    placed = content_map.vectors(made[1:])
    assert np.linalg.norm(placed[0] - placed[2]) < np.linalg.norm(placed[0] - placed[1])


def test_a_frozen_bundle_has_none(tmp_path: Path) -> None:
    log = log_of_kinds()
    manifest = fit_bundle(
        log, replace(CONFIG, content_map=ContentMapConfig((1.5,), (0.1,), (2.0,))), tmp_path, "1", lambda now: None
    )
    assert TUNED_TEXT_ENCODER not in manifest.models
    assert manifest.training["text_tuning"] is None
    assert with_tuned_text(tmp_path / "1", log.contents or (), log.texts or ()) == list(log.contents or ())
