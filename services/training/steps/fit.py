"""Fits everything a bundle holds: the Transformer, the sources and the blend, and measures them on what is held out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from services.core.audience import Audience
from services.core.content_map import ContentMap
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import Source
from services.core.text_encoder_files import TEXT, TUNED_TEXT
from services.core.young_scenarios import YoungScenarios
from services.training.model.action_heads import ActionHeads
from services.training.model.blend import Blend
from services.training.model.encoder import SequenceEncoder
from services.training.sources import sequence
from services.training.sources.registry import FITTINGS
from services.training.steps.ablation import ablate
from services.training.steps.bundle_weights import load_weights
from services.training.steps.calibrate import Calibration, NewcomerLine
from services.training.steps.evaluate import Metrics, evaluate, rank_users
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.find_young_scenarios import find_young_scenarios
from services.training.steps.fit_audience import fit_audience
from services.training.steps.fit_blend import FittedBlend, fit_blend
from services.training.steps.fit_checkpoint import fingerprint
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_content_map import FittedContentMap, fit_content_map
from services.training.steps.fit_heads import fit_heads, refit_heads
from services.training.steps.fit_progress import ProgressReport
from services.training.steps.fit_to_data import fitting
from services.training.steps.fit_transformer import Schedule, finish, fit_validated, new_encoder
from services.training.steps.leak_check import check_no_leak
from services.training.steps.learning_curve import comparable, seconds_of
from services.training.steps.select_sources import SelectedSources, select_sources
from services.training.steps.source_subsets import first_candidates

STAGES = {"transformer": 80.0, "texts": 0.0, "sources": 8.0, "evaluate": 3.0, "finish": 6.0, "bundle": 12.0}
_MAP_SHARE = 0.8
"""Of the last stage."""
"""Stages of a run and their usual share of its time."""
_ABLATION_SHARE = 20.0
# Of an epoch; on two cores a text costs what a hundred interactions do.
_TUNING_SHARE = 60.0

if TYPE_CHECKING:
    from services.training.steps.tune_text_encoder import TunedTextEncoder
    from services.training.text_encoder.export import LoadedTextEncoder


class DatasetError(ValueError):
    """There is not enough to train on. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class FittedModels:
    """What a run has learnt.

    encoder: with the vectors of attributes added to those of the items. validated_weights: the same of the encoder
    before the finish. sources: those that the data has something for, in the order of the ranker's features.
    actions: the heads beside the score, None where the data has nothing for them. newcomers: the score of items that
    are not among the encoder's. content_map: where these lie, None where too little is known of the items.
    text_encoder: fine-tuned, whose vectors the content map reads; None where it is frozen or the tuned one is no help.
    audience: None where the users' contexts say nothing. young_scenarios: None where there are none.
    metrics: on the held-out interactions.
    training: facts of the run for the manifest; its "seconds" alone differ between equal runs.
    """

    encoder: SequenceEncoder
    validated_weights: Mapping[str, torch.Tensor]
    blend: Blend
    calibration: Calibration
    newcomers: NewcomerLine
    actions: ActionHeads | None
    content_map: ContentMap | None
    text_encoder: LoadedTextEncoder | None
    audience: Audience | None
    young_scenarios: YoungScenarios | None
    sources: Mapping[str, Source]
    metrics: Metrics
    training: Mapping[str, Any]


def stages(config: TrainingConfig) -> dict[str, float]:
    """Stages of a run of this configuration."""
    return {
        **STAGES,
        "texts": _TUNING_SHARE * config.text_tuning.epochs,
        "evaluate": STAGES["evaluate"] + (_ABLATION_SHARE if config.ablation else 0.0),
    }


def fit_models(
    dataset: InteractionLog,
    config: TrainingConfig,
    report: ProgressReport,
    checkpoint: Path,
    warm_start: Path | None = None,
) -> FittedModels:
    """Fit on ``dataset`` (no repeats); each user's last interaction chooses epoch and blend, then joins the rest.

    Resumes the Transformer from ``checkpoint`` if that file is of this very run. Raises DatasetError,
    LeakError, TrainingStoppedError.
    """
    begun = _begin(dataset, config, report, warm_start)
    split, config, encoder = begun.split, begun.config, begun.encoder
    settings = config.transformer
    fitted = fit_validated(split, config, encoder, begun.schedule, report, checkpoint, begun.fingerprint)
    tuned = _tuned(split, config, encoder, report)
    validated = encoder.folded()
    chosen = fit_heads(split, validated, config.content_map, config.seed)
    report.enter("sources")
    few = min(len(split.users), config.ablation_users) < config.least_selecting_users
    if few:
        config = replace(config, sources=_without(config.sources, config.optional_sources))
    sources = _fit_sources(split.log, validated, config, report)
    selected = None if few else _select(split, validated, sources, config, report)
    if selected is not None:
        config = replace(config, sources=selected.kept)
        sources = {name: sources[name] for name in selected.kept}
    blended, metrics, ablation = _blend_and_measure(split, validated, sources, config, report)
    finished = finish(dataset, config, encoder, report) if settings.finish_epochs else []
    encoder = encoder.folded()
    if chosen is not None and settings.finish_epochs:
        chosen = refit_heads(dataset, encoder, config.seed, chosen)
    report.enter("bundle")
    mapped, text_encoder = _mapped(dataset, encoder, config, tuned, report)
    audience = fit_audience(dataset, config.seed)
    young = find_young_scenarios(dataset)
    return FittedModels(
        encoder=encoder,
        validated_weights=validated.state_dict(),
        blend=blended.blend,
        calibration=blended.calibration,
        newcomers=blended.newcomers,
        actions=chosen.heads if chosen is not None else None,
        content_map=mapped.content_map if mapped is not None else None,
        text_encoder=text_encoder,
        audience=audience.audience if audience is not None else None,
        young_scenarios=young,
        sources=_fit_sources(dataset, encoder, config, report),
        metrics=metrics,
        training={
            "config": asdict(config),
            "warm_start": begun.parent,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "curve": {"epochs": comparable(fitted.curve), "finish": comparable(finished)},
            "seconds": {
                **report.seconds,
                **({"ablation": round(ablation["seconds"], 2)} if ablation else {}),
                "epochs": seconds_of(fitted.curve),
                "finish_epochs": seconds_of(finished),
            },
            "users": dataset.user_count,
            "interactions": len(dataset),
            "texts": sum(TEXT in content.vectors for content in dataset.contents or ()),
            "validation_users": min(len(split.users), settings.validation_users),
            "blend": {"kind": blended.kind, "ndcg": blended.ndcg},
            "calibration": asdict(blended.calibration),
            "selection": asdict(selected) if selected is not None else None,
            "newcomers": asdict(blended.newcomers),
            "content_map": mapped.facts() if mapped is not None else None,
            "text_tuning": {**tuned.facts, "kept": text_encoder is not None} if tuned is not None else None,
            "audience": audience.facts() if audience is not None else None,
            "young_scenarios": list(young.names) if young is not None else None,
            "actions": chosen.facts() if chosen is not None else None,
            **{name: value for name, value in ablation.items() if name != "seconds"},
        },
    )


def assist_fit(dataset: InteractionLog, config: TrainingConfig, warm_start: Path | None = None) -> None:
    """What fit_models of the same arguments needs of every other process that torchrun started (see data_parallel).

    Raises DatasetError, LeakError, LostProcessError.
    """
    report = ProgressReport(lambda _: None, lambda: False, STAGES)
    begun = _begin(dataset, config, report, warm_start)
    # The first process alone reads and writes the checkpoint.
    nowhere = Path(os.devnull)
    fit_validated(begun.split, begun.config, begun.encoder, begun.schedule, report, nowhere, begun.fingerprint)
    _tuned(begun.split, begun.config, begun.encoder, report)
    if begun.config.transformer.finish_epochs:
        finish(dataset, begun.config, begun.encoder, report)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is settled before the first epoch. parent: the bundle whose weights were taken over, None without."""

    split: HeldOut
    config: TrainingConfig
    encoder: SequenceEncoder
    schedule: Schedule
    parent: str | None
    fingerprint: str


def _begin(dataset: InteractionLog, config: TrainingConfig, report: ProgressReport, warm_start: Path | None) -> _Begun:
    split = hold_out_last(dataset)
    if dataset.item_count < 2 or len(split.users) == 0:
        raise DatasetError("training needs at least two items and one user with two interactions")
    check_no_leak(dataset, split, "validation")
    if config.threads:
        torch.set_num_threads(config.threads)
    report.enter("transformer")
    config = fitting(config, dataset)
    settings = config.transformer
    encoder = new_encoder(dataset, config)
    parent = warm_start.name if warm_start and load_weights(encoder, dataset.item_ids, warm_start) else None
    schedule = (
        Schedule(0, settings.epochs, settings.learning_rate)
        if parent is None
        else Schedule(1, settings.warm_epochs, settings.warm_learning_rate, keep_start=True)
    )
    return _Begun(split, config, encoder, schedule, parent, fingerprint(dataset, config, parent or ""))


def _tuned(
    split: HeldOut, config: TrainingConfig, encoder: SequenceEncoder, report: ProgressReport
) -> TunedTextEncoder | None:
    """The text encoder, fine-tuned together with the Transformer; None where it stays frozen."""
    if not config.text_tuning.epochs:
        return None
    # Only here: the libraries of language models take seconds to import.
    from services.training.steps.tune_text_encoder import tune_text_encoder

    return tune_text_encoder(split, config, encoder, report)


def _mapped(
    dataset: InteractionLog,
    encoder: SequenceEncoder,
    config: TrainingConfig,
    tuned: TunedTextEncoder | None,
    report: ProgressReport,
) -> tuple[FittedContentMap | None, LoadedTextEncoder | None]:
    """The content map, and the tuned text encoder where the map has use for its vectors."""

    def advance(share: float) -> None:
        report.advance(_MAP_SHARE * share)

    if tuned is not None and dataset.contents is not None:
        richer = replace(dataset, contents=tuned.with_vectors(dataset.contents))
        mapped = fit_content_map(richer, encoder, config.content_map, config.seed, tuned.learnt, advance)
        if mapped is not None and mapped.content_map.space.reads(TUNED_TEXT):
            return mapped, tuned.loaded
    return fit_content_map(dataset, encoder, config.content_map, config.seed, report=advance), None


def _select(
    split: HeldOut,
    encoder: SequenceEncoder,
    sources: Mapping[str, Source],
    config: TrainingConfig,
    report: ProgressReport,
) -> SelectedSources:
    """What is worth keeping, on no more users than the ablation's."""
    sample = _sample(len(split.users), config.ablation_users)
    users = list(rank_users(split.log, split.users[sample], encoder, sources, config, sys.maxsize))
    return select_sources(
        users,
        split.targets[sample],
        config.sources,
        config.optional_sources,
        config.candidates,
        config.seed,
        lambda share: report.advance(0.5 + 0.5 * share),
    )


def _blend_and_measure(
    split: HeldOut,
    encoder: SequenceEncoder,
    sources: Mapping[str, Source],
    config: TrainingConfig,
    report: ProgressReport,
) -> tuple[FittedBlend, Metrics, dict[str, Any]]:
    report.enter("evaluate")
    sample = _sample(len(split.users), config.blend_users)
    count = len(sample)
    targets = split.targets[sample]
    everything = sys.maxsize if config.ablation else config.candidates
    parted = _sample(count, config.ablation_users)
    of_ablation = set(parted.tolist() if config.ablation else ())
    ranked, pool = [], []
    for place, user in enumerate(rank_users(split.log, split.users[sample], encoder, sources, config, everything)):
        if place in of_ablation:
            pool.append(user)
        ranked.append(first_candidates(user, config.candidates))
        report.advance((0.1 if config.ablation else 0.7) * len(ranked) / count)
    blended = fit_blend(ranked, targets, config.sources, config.seed)
    metrics = evaluate(ranked, targets, blended.lists, split.log.item_count)
    if not config.ablation:
        return blended, metrics, {}
    started = time.perf_counter()
    found = ablate(
        pool,
        targets[parted],
        config.sources,
        blended if len(pool) == count else None,
        config.candidates,
        config.seed,
        lambda share: report.advance(0.15 + 0.85 * share),
    )
    return blended, metrics, {"ablation": found, "seconds": time.perf_counter() - started}


def _without(names: Sequence[str], absent: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in absent)


def _sample(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of 0..count-1, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _fit_sources(
    log: InteractionLog, encoder: SequenceEncoder, config: TrainingConfig, report: ProgressReport
) -> dict[str, Source]:
    fitted: dict[str, Source] = {}
    for place, name in enumerate(config.sources, start=1):
        of_encoder = name == SequenceSource.name
        fitted[name] = sequence.from_encoder(encoder) if of_encoder else FITTINGS[name].fit(log, config)
        report.advance(0.5 * place / len(config.sources))
    return fitted
