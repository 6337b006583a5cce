"""The Celery worker, the one process with torch.

    python -m celery -A services.training.worker worker --pool solo --concurrency 1 --loglevel WARNING \
        --without-gossip --without-mingle --without-heartbeat

`solo` trains in the process itself: no child that outlives a killed parent, one /metrics page, and SIGTERM reaches
the run. SIGTERM ends the run at the end of its epoch and leaves it to be resumed; a worker that is killed leaves the
same, found by the server when its lease has run out. What is trained lies in PostgreSQL, not in the message.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import warnings
from typing import Any

from celery import signals
from celery.exceptions import SecurityWarning
from pydantic import ValidationError

from services.core.text_encoder_files import FOLDER
from services.plumbing.logs import start_logging
from services.plumbing.metrics import TRAINING_RUNS, start_metrics
from services.plumbing.tracing import start_tracing, stop_tracing
from services.training.celery_app import RUN_TASK, make_app
from services.training.parts_watch import start_watching_parts
from services.training.run_record import HELD_BACK, RunState
from services.training.settings import DEFAULT_REDIS_URL, WorkerSettings
from services.training.waiting_threads import wait_asleep

ARGUMENTS = (
    *("-A", "services.training.worker", "worker"),
    *("--pool", "solo", "--concurrency", "1", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
"""What follows `python -m celery`."""

logger = logging.getLogger(__name__)
stopping = threading.Event()
"""Set when the worker was asked to stop."""

# Celery wants the application as an attribute of this module; it connects to nothing here.
app = make_app(os.environ.get("TROMMEL_REDIS_URL") or DEFAULT_REDIS_URL)


@app.task(name=RUN_TASK)
def run(tenant: str, run_id: str) -> None:
    """Work on a run until it has ended, unless another worker does or it has ended already."""
    from services.training.run_work import work_on

    work_on(WorkerSettings(tenant=tenant), run_id, stopping)


@signals.setup_logging.connect
def _log_as_json(**_: Any) -> None:
    start_logging("training-worker", os.environ.get("TROMMEL_LOG_LEVEL", "INFO"))
    for talkative in ("onnx_ir", "onnxscript", "torch.onnx", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


@signals.celeryd_init.connect
def _accept_root(**_: Any) -> None:
    # Root is a danger where messages are pickles; here they are JSON alone. In a container everybody is root.
    warnings.filterwarnings("ignore", category=SecurityWarning)


@signals.worker_init.connect
def _start(**_: Any) -> None:
    # Celery sets up logging after this signal: what is said here would be lost, or not be JSON.
    _log_as_json()
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        names = "; ".join(f"TROMMEL_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"training-worker: settings are not right: {names}")
    start_tracing("training-worker")
    try:
        port = start_metrics(settings.metrics_listen, "training-worker")
    except OSError as error:
        sys.exit(f"training-worker: cannot serve metrics on {settings.metrics_listen}: {error.strerror}")
    # At 0 from the start: a counter that begins with 1 shows no increase.
    for state in (RunState.SUCCEEDED.value.lower(), RunState.FAILED.value.lower(), HELD_BACK):
        TRAINING_RUNS.labels(state)
    start_watching_parts(settings)
    # Up to that, not on top of what it was started with.
    os.nice(max(0, settings.niceness - os.nice(0)))
    wait_asleep()
    threading.Thread(target=_provide_text_encoder, args=(settings,), name="text-encoder", daemon=True).start()
    logger.info("training-worker is ready, metrics on port %d", port)


def _provide_text_encoder(settings: WorkerSettings) -> None:
    """Put the text encoder into the bundle store; in a process of its own, whose memory is given back afterwards."""
    if settings.text_encoder == "none":
        return
    command = [sys.executable, "-P", "-m", "services.training.text_encoder.provide", "--model", settings.text_encoder]
    command += ["--to", str(settings.bundle_store / FOLDER), "--precision", settings.text_encoder_precision]
    if settings.text_encoder_cache is not None:
        command += ["--cache", str(settings.text_encoder_cache)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    said = [
        line for line in ((done.stdout if done.returncode == 0 else "") or done.stderr).splitlines() if line.strip()
    ] or ["no message"]
    if done.returncode == 0:
        logger.info("text encoder: %s", said[-1])
    elif not stopping.is_set():
        logger.error("no text encoder, new items are known by their categories alone: %s", said[-1])


def _environment() -> dict[str, str]:
    """The worker's own, with where its code lies."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@signals.worker_shutdown.connect
def _send_last_spans(**_: Any) -> None:
    stop_tracing()


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    stopping.set()
