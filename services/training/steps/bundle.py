"""One training run: interactions in, a sealed bundle out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from services.core.bundle import ITEM_IDS, METRICS, BundleDraft, BundleManifest, build_bundle
from services.core.item_scenarios import ItemScenarios
from services.core.sources.sequence import SequenceSource
from services.core.text_encoder_files import TUNED_TEXT_ENCODER
from services.training.sources import sequence
from services.training.sources.registry import FITTINGS
from services.training.steps.bundle_weights import save_weights
from services.training.steps.examples import InteractionLog
from services.training.steps.export import export_models
from services.training.steps.fit import DatasetError, FittedModels, fit_models, stages
from services.training.steps.fit_config import TrainingConfig, history_buckets
from services.training.steps.fit_progress import Progress, ProgressReport, TrainingStoppedError

__all__ = ["DatasetError", "Progress", "TrainingStoppedError", "fit_bundle", "write_bundle"]


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

    Each user's last interaction is held out to choose the Transformer's epoch and the blend; afterwards the
    sources are refitted on everything. ``warm_start`` is the directory of a bundle to continue from: its
    Transformer's weights are taken over, item by item, and trained for fewer epochs.

    Resumable: killed or stopped, the same call with the same arguments goes on from the last finished epoch, kept
    in ``<destination>/<version>.work/`` until the bundle is sealed. Deterministic for one seed, thread count and
    machine. Raises DatasetError, LeakError, TrainingStoppedError, ExportError, BundleError.
    """
    work = destination / f"{version}.work"
    report = ProgressReport(progress, should_stop, stages(config))
    fitted = fit_models(dataset.without_repeats(), config, report, work / "transformer.pt", warm_start)
    with build_bundle(destination, version) as draft:
        manifest = write_bundle(fitted, dataset, draft, scenario_ids, warm_start.name if warm_start else None)
    shutil.rmtree(work, ignore_errors=True)
    return manifest


def write_bundle(
    fitted: FittedModels,
    dataset: InteractionLog,
    draft: BundleDraft,
    scenario_ids: tuple[str, ...] = (),
    parent: str | None = None,
) -> BundleManifest:
    """Write all files of a bundle, export and check the models, and seal it. Raises ExportError, BundleError."""
    draft.save_array(ITEM_IDS, dataset.item_ids)
    for name, source in fitted.sources.items():
        if isinstance(source, SequenceSource):
            sequence.save(source, draft)
        else:
            FITTINGS[name].save(source, draft)
    save_weights(fitted.validated_weights, draft)
    sources, buckets = tuple(fitted.sources), history_buckets(fitted.encoder.shape.max_history)
    models = export_models(
        fitted.encoder, fitted.blend, sources, buckets, draft, fitted.calibration, fitted.actions, fitted.newcomers
    )
    if fitted.content_map is not None:
        fitted.content_map.save(draft)
    if fitted.text_encoder is not None:
        from services.training.text_encoder.in_bundle import save_text_encoder

        models[TUNED_TEXT_ENCODER] = save_text_encoder(fitted.text_encoder, draft)
    scenarios = ItemScenarios.of([content.scenario for content in dataset.contents or ()])
    if scenarios is not None:
        scenarios.save(draft)
    if fitted.young_scenarios is not None:
        fitted.young_scenarios.save(draft)
    if fitted.audience is not None:
        fitted.audience.save(draft)
    draft.save_json(METRICS, {"validation": fitted.metrics, "training": fitted.training})
    return draft.seal(
        item_count=dataset.item_count,
        sources=sources,
        models=models,
        metrics={f"{part}/{name}": value for part, values in fitted.metrics.items() for name, value in values.items()},
        scenario_ids=scenario_ids,
        parent=parent,
        training=fitted.training,
    )
