"""One training run: interactions in, a sealed bundle out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from services.core.bundle import ITEM_IDS, METRICS, BundleManifest, build_bundle
from services.core.sources.source import Source
from services.training.sources import sequence
from services.training.sources.registry import FITTINGS
from services.training.steps.bundle_weights import load_weights, save_weights
from services.training.steps.evaluate import Metrics, evaluate, rank_users
from services.training.steps.examples import InteractionLog, hold_out_last
from services.training.steps.export import export_models
from services.training.steps.fit_blend import fit_blend
from services.training.steps.fit_checkpoint import fingerprint
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress, ProgressReport
from services.training.steps.fit_transformer import Schedule, finish, fit_validated, new_encoder

_STAGES = {"transformer": 80.0, "sources": 4.0, "evaluate": 4.0, "finish": 6.0, "export": 6.0}


class DatasetError(ValueError):
    """There is not enough to train on. The message says what is missing."""


def fit_bundle(
    dataset: InteractionLog,
    config: TrainingConfig,
    destination: Path,
    version: str,
    progress: Callable[[Progress], None],
    *,
    warm_start: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    scenario_ids: tuple[str, ...] = (),
) -> BundleManifest:
    """Fit everything on ``dataset`` and seal the bundle ``<destination>/<version>``.

    Each user's last interaction is held out to choose the Transformer's epoch and the blend; the other sources are
    then refitted on everything. ``warm_start`` is the directory of a bundle to continue from: its Transformer's
    weights are taken over, item by item, and trained for fewer epochs.

    Resumable: killed or stopped, the same call with the same arguments goes on from the last finished epoch, kept
    in ``<destination>/<version>.work/`` until the bundle is sealed. Deterministic for one seed, thread count and
    machine. Raises DatasetError, TrainingStoppedError, ExportError, BundleError.
    """
    dataset = dataset.without_repeats()
    split = hold_out_last(dataset)
    if dataset.item_count < 2 or len(split.users) == 0:
        raise DatasetError("training needs at least two items and one user with two interactions")
    if config.threads:
        torch.set_num_threads(config.threads)
    work = destination / f"{version}.work"
    report = ProgressReport(progress, should_stop, _STAGES)
    report.enter("transformer")

    settings = config.transformer
    encoder = new_encoder(dataset, config)
    warmed = warm_start is not None and load_weights(encoder, dataset.item_ids, warm_start)
    schedule = (
        Schedule(stage=1, epochs=settings.warm_epochs, learning_rate=settings.warm_learning_rate)
        if warmed
        else Schedule(stage=0, epochs=settings.epochs, learning_rate=settings.learning_rate)
    )
    run_fingerprint = fingerprint(dataset, config, warm_start.name if warm_start is not None and warmed else "")
    fitted = fit_validated(split, config, encoder, schedule, report, work / "transformer.pt", run_fingerprint)

    report.enter("sources")
    sources = _fit_sources(split.log, config, sequence.from_encoder(encoder), report)
    report.enter("evaluate")
    sample = _sample(len(split.users), settings.validation_users)
    users, targets = split.users[sample], split.targets[sample]
    ranked = list(rank_users(split.log, users, encoder, sources, config))
    blended = fit_blend(ranked, targets, config.sources, config.seed)
    table = evaluate(ranked, targets, blended.lists, dataset.item_count)

    validated = {name: value.clone() for name, value in encoder.state_dict().items()}
    if settings.finish_epochs:
        finish(dataset, config, encoder, report)
    report.enter("export")
    sources = _fit_sources(dataset, config, sequence.from_encoder(encoder), report)
    with build_bundle(destination, version) as draft:
        draft.save_array(ITEM_IDS, dataset.item_ids)
        for name, source in sources.items():
            (sequence.save if name == "sequence" else FITTINGS[name].save)(source, draft)  # type: ignore[arg-type]
        save_weights(validated, draft)
        models = export_models(encoder, blended.blend, config.sources, settings.history_buckets, draft)
        training = {
            "config": asdict(config),
            "best_epoch": fitted.best_epoch,
            "epochs": fitted.epochs,
            "warm_start": warm_start.name if warm_start is not None and warmed else None,
            "users": dataset.user_count,
            "interactions": len(dataset),
            "blend": {
                "strength": blended.strength,
                "weights": dict(zip(config.sources, map(float, blended.blend.weights), strict=True)),
                "scales": dict(zip(config.sources, map(float, blended.blend.scales), strict=True)),
            },
        }
        draft.save_json(METRICS, {"validation": table, "validation_users": len(users), "training": training})
        report.advance(1.0)
        manifest = draft.seal(
            item_count=dataset.item_count,
            sources=config.sources,
            models=models,
            metrics=_flat(table),
            scenario_ids=scenario_ids,
            parent=warm_start.name if warm_start is not None else None,
            training=training,
        )
    shutil.rmtree(work, ignore_errors=True)
    return manifest


def _fit_sources(
    log: InteractionLog, config: TrainingConfig, of_encoder: Source, report: ProgressReport
) -> dict[str, Source]:
    fitted: dict[str, Source] = {}
    for place, name in enumerate(config.sources):
        fitted[name] = of_encoder if name == of_encoder.name else FITTINGS[name].fit(log, config)
        report.advance(0.5 * (place + 1) / len(config.sources))
    return fitted


def _sample(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _flat(table: Metrics) -> dict[str, float]:
    return {f"{part}/{name}": value for part, values in table.items() for name, value in values.items()}
