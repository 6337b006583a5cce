"""Works on one run: takes its lease, goes through the steps, and writes how it ended, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time

import psycopg

from services.core.errors import UnavailableError
from services.plumbing.metrics import TRAINING_PROGRESS, TRAINING_RUNS
from services.plumbing.redaction import redacted
from services.plumbing.tracing import SpanKind, annotate, entry_span
from services.training.run_lease import LeaseLostError, RunLease
from services.training.run_record import HELD_BACK, RunState
from services.training.run_report import RunReport
from services.training.settings import WorkerSettings
from services.training.steps.fit_progress import TrainingStoppedError
from services.training.steps.go_live import NotLiveError, go_live
from services.training.steps.plan import forget_run
from services.training.steps.snapshot import TooLittleDataError
from services.training.store_room import NoRoomError

logger = logging.getLogger(__name__)


def work_on(settings: WorkerSettings, run_id: str, stopping: threading.Event) -> None:
    """Work on a run until it has ended, has to be left to another worker, or `stopping` is set.

    A run that has ended, is worked on elsewhere, or must wait for another is left alone. While the database is away
    nothing can be said of the run: it is taken up again when its lease has run out.
    """
    if stopping.is_set():
        return
    owner = f"{socket.gethostname()}:{os.getpid()}"
    try:
        lease = RunLease.take(settings.database_url, settings.tenant, run_id, owner, settings.lease_seconds)
        if lease is None:
            logger.info("run %s has ended or must wait", run_id)
            return
        described = {"trommel.attempt": lease.deliveries}
        with lease, entry_span("training run", SpanKind.CONSUMER, lease.parameters.traceparent, described):
            _work(settings, lease, stopping)
    except LeaseLostError as error:
        logger.warning("%s", error)
    except (UnavailableError, psycopg.OperationalError) as error:
        logger.warning("run %s waits for the database: %s", run_id, type(error).__name__)
    finally:
        TRAINING_PROGRESS.set(0)


def _work(settings: WorkerSettings, lease: RunLease, stopping: threading.Event) -> None:
    if lease.deliveries > settings.max_deliveries:
        _end(settings, lease, RunState.FAILED, "given up", error=_gave_up(settings.max_deliveries))
        return
    logger.info("run %s begins, attempt %d", lease.key.id, lease.deliveries)
    ends = time.monotonic() + settings.max_run_seconds
    report = RunReport(lease)

    def should_stop() -> bool:
        return stopping.is_set() or lease.lost.is_set() or time.monotonic() >= ends

    try:
        # Imported with the run in hand: torch takes seconds, and a worker that waits does without.
        from services.training.steps.make_bundle import make_bundle

        manifest = make_bundle(settings, lease.key.id, lease.parameters, report.at, should_stop)
        outcome = asyncio.run(
            go_live(
                settings,
                lease.key,
                manifest,
                lambda step, message: report.at(step, 0.95, message, manifest.metrics),
                should_stop,
                skip_activation=lease.parameters.skip_activation,
            )
        )
    except TrainingStoppedError:
        _stop(settings, lease, stopping)
    except (TooLittleDataError, NoRoomError, NotLiveError) as error:
        _end(settings, lease, RunState.FAILED, "ended without going live", error=str(error))
    except (LeaseLostError, UnavailableError, psycopg.OperationalError):
        # Nothing is wrong with the run: whoever takes it next goes on where it stands.
        raise
    except Exception as error:
        logger.exception("run %s failed", lease.key.id)
        reason = redacted(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
        _end(settings, lease, RunState.FAILED, "failed", error=f"{reason} (the worker's log has the details)")
    else:
        report.at("done", 1.0, outcome.message)
        _end(settings, lease, RunState.SUCCEEDED, outcome.message, counted=HELD_BACK if outcome.held_back else "")
    finally:
        report.end_span()


def _stop(settings: WorkerSettings, lease: RunLease, stopping: threading.Event) -> None:
    if lease.lost.is_set():
        raise LeaseLostError(f"run {lease.key.id} is not this worker's any more")
    if stopping.is_set():
        lease.give_back("waits for a worker: the former one was stopped")
        logger.info("run %s is given back", lease.key.id)
        return
    _end(
        settings,
        lease,
        RunState.FAILED,
        "stopped",
        error=f"not done after {settings.max_run_seconds:g} s; raise TROMMEL_MAX_RUN_SECONDS or lower max_epochs",
    )


def _end(
    settings: WorkerSettings, lease: RunLease, state: RunState, message: str, *, error: str = "", counted: str = ""
) -> None:
    """Write how a run ended, and count it under `counted` or, without that, under its state."""
    lease.finish(state, message, error=error)
    forget_run(settings.bundle_store, lease.key.id)
    TRAINING_RUNS.labels(counted or state.value.lower()).inc()
    annotate("trommel.run_state", counted or state.value.lower())
    logger.info("run %s: %s: %s", lease.key.id, state.value, error or message)


def _gave_up(most: int) -> str:
    return f"the worker died {most} times during this run, perhaps for want of memory; its log may tell"
