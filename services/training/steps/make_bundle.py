"""Makes the bundle of a run: snapshot, then fitting; or finds what an earlier worker left of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from services.core.bundle import BundleManifest, bundle_path, verify_bundle
from services.training.run_record import RunParameters
from services.training.settings import WorkerSettings
from services.training.steps.bundle import DatasetError, fit_bundle
from services.training.steps.fit_config import TextTuningConfig, TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.plan import plan_run, run_folder
from services.training.steps.snapshot import (
    Snapshot,
    TooLittleDataError,
    check_enough,
    load_snapshot,
    save_snapshot,
    take_snapshot,
)
from services.training.steps.wait_for_texts import open_text_queue, wait_for_texts
from services.training.steps.without_items import without_newcomers
from services.training.store_room import check_room
from services.training.text_encoder.default_model import NO_MODEL

Say = Callable[[str, float, str, Mapping[str, float]], None]
"""Takes a step, the share of the run that is done, one line about the step, and what was measured."""

_FIT_FROM, _FIT_TO = 0.02, 0.94


def make_bundle(
    settings: WorkerSettings,
    run_id: str,
    parameters: RunParameters,
    say: Say,
    should_stop: Callable[[], bool],
) -> BundleManifest:
    """Return the manifest of the run's sealed bundle.

    Raises:
        TooLittleDataError: There is not enough to train on.
        NoRoomError: The bundle store is full.
        TrainingStoppedError: should_stop said so; the same call goes on later.
        psycopg.Error: The database is away.
    """
    store = settings.bundle_store
    plan = plan_run(store, run_id, warm_start=parameters.warm_start)
    sealed = bundle_path(store, plan.version)
    if sealed.is_dir():
        return verify_bundle(sealed)
    check_room(store, settings.bundle_store_quota_bytes)
    log, scenario_ids = _snapshot(settings, run_id, say, should_stop)
    catalogue_items, log = log.item_count, without_newcomers(log)
    waiting = catalogue_items - log.item_count
    more = f", {waiting} more that nobody took yet" if waiting else ""
    say("snapshot", _FIT_FROM, f"{len(log)} events of {log.user_count} users on {log.item_count} items{more}", {})

    def fitting(progress: Progress) -> None:
        share = _FIT_FROM + (_FIT_TO - _FIT_FROM) * progress.fraction
        say(progress.stage, share, describe(progress), {})

    try:
        return fit_bundle(
            log,
            config_of(parameters, settings),
            store,
            plan.version,
            fitting,
            warm_start=bundle_path(store, plan.parent) if plan.parent else None,
            should_stop=should_stop,
            scenario_ids=scenario_ids,
        )
    except DatasetError as error:
        raise TooLittleDataError(str(error)) from error


def config_of(parameters: RunParameters, settings: WorkerSettings) -> TrainingConfig:
    """Return the configuration of a run: the defaults, as the worker is set, less what its caller limits."""
    config = TrainingConfig(seed=parameters.seed, text_tuning=_text_tuning(settings))
    most = parameters.max_epochs
    if not most:
        return config
    transformer = config.transformer
    limited = replace(
        transformer,
        epochs=min(transformer.epochs, most),
        most_epochs=min(transformer.most_epochs, most),
        warm_epochs=min(transformer.warm_epochs, most),
    )
    return replace(config, transformer=limited)


def _text_tuning(settings: WorkerSettings) -> TextTuningConfig:
    if settings.text_encoder == NO_MODEL:
        return TextTuningConfig()
    return TextTuningConfig(
        epochs=settings.text_tuning_epochs,
        model=settings.text_encoder,
        tasks=settings.text_tuning_tasks,
        layers=settings.text_tuning_layers,
    )


def describe(progress: Progress) -> str:
    """Return one line about fitting: "loss 5.31, NDCG@10 0.104, about 40 s left"."""
    parts = []
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.validation_ndcg is not None:
        parts.append(f"NDCG@10 {progress.validation_ndcg:.4f}")
    if progress.seconds_left is not None:
        parts.append(f"about {progress.seconds_left:.0f} s left")
    return ", ".join(parts) or "begins"


def _snapshot(settings: WorkerSettings, run_id: str, say: Say, should_stop: Callable[[], bool]) -> Snapshot:
    """Return what the run trains on: the same for every worker that works on it."""
    path = run_folder(settings.bundle_store, run_id) / "snapshot.npz"
    kept = load_snapshot(path)
    if kept is not None:
        return kept
    if settings.text_encoder != NO_MODEL:
        with open_text_queue(settings.database_url, settings.tenant) as queue:
            wait_for_texts(queue, settings.texts_wait_seconds, lambda words: say("texts", 0.0, words, {}), should_stop)
    say("snapshot", 0.0, "reads events and items", {})
    tunes = _text_tuning(settings).epochs > 0
    snapshot = take_snapshot(settings.database_url, settings.tenant, texts=tunes)
    check_enough(
        snapshot.log,
        events=settings.min_events,
        users=settings.min_users,
        user_events=settings.min_user_events,
        items=settings.min_items,
    )
    save_snapshot(path, snapshot)
    return snapshot
