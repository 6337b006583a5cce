"""All metrics, declared in one place. The gRPC ones keep the names of go-grpc-prometheus, so that its dashboards fit.

Labels take values from closed sets only (stages, methods, codes, reasons): never ids of users or items. LABELS says
what each may be and REPORTED which service reports what: a page holds nothing else, so that no service shows a zero
that it knows nothing of. docs/service-metrics.md is written from here (`python -m tools.monitoring.metrics_page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

_FAST_SECONDS = (
    0.0005,
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)
_STAGE_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_COUNTS = (0, 1, 5, 10, 25, 50, 100, 200, 300, 400, 500, 750, 1000, 2000)

GRPC_STARTED = Counter("grpc_server_started_total", "RPCs begun.", ["grpc_type", "grpc_service", "grpc_method"])
GRPC_HANDLED = Counter(
    "grpc_server_handled_total",
    "RPCs ended, by status code.",
    ["grpc_type", "grpc_service", "grpc_method", "grpc_code"],
)
GRPC_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time from the start of an RPC to its end.",
    ["grpc_type", "grpc_service", "grpc_method"],
    buckets=_FAST_SECONDS,
)
GRPC_IN_FLIGHT = Gauge("trommel_grpc_in_flight_rpcs", "RPCs being served now.")
GRPC_LIMIT = Gauge("trommel_grpc_limit_rpcs", "RPCs that may be served at once; the next is refused.")

BUILD = Gauge("trommel_build_info", "1 for the version of Trommel that this process runs.", ["version"])
PART_UP = Gauge("trommel_part_up", "1 while a part answers this process, 0 while it does not.", ["part"])
DATABASE_WAITING = Gauge("trommel_database_waiting_requests", "Requests that wait for a connection of the pool.")
DATABASE_CONNECTIONS = Gauge("trommel_database_pool_connections", "Connections of the pool, in use or not.")

STAGE_SECONDS = Histogram(
    "trommel_stage_duration_seconds",
    "Time of one stage.",
    ["pipeline", "role", "stage"],
    buckets=_STAGE_SECONDS,
)
STAGE_FAILURES = Counter("trommel_stage_failures_total", "Stages that failed.", ["pipeline", "stage", "error"])
REMOVED_CANDIDATES = Counter(
    "trommel_removed_candidates_total", "Candidates removed by filters.", ["pipeline", "stage"]
)
SOURCE_RUNS = Counter("trommel_source_runs_total", "Runs of sources, by outcome.", ["pipeline", "source", "status"])
SOURCE_CANDIDATES = Histogram(
    "trommel_source_candidates",
    "Candidates one run of a source proposed.",
    ["pipeline", "source"],
    buckets=_COUNTS,
)
ANSWERS = Counter("trommel_answers_total", "Answers of pipelines, full or degraded.", ["pipeline", "quality"])
DEGRADED_ANSWERS = Counter(
    "trommel_degraded_answers_total",
    "Answers that were degraded, by reason; one with two reasons counts for each.",
    ["pipeline", "reason"],
)

TRITON_SECONDS = Histogram(
    "trommel_triton_call_duration_seconds",
    "Time of calls to Triton.",
    ["model", "result"],
    buckets=_FAST_SECONDS,
)

EVENTS = Counter("trommel_events_total", "Events received, by type and result.", ["type", "result"])
EVENT_COMMIT_SECONDS = Histogram(
    "trommel_event_commit_duration_seconds", "Time to commit one batch of events.", buckets=_FAST_SECONDS
)
EVENT_BATCH_SIZE = Histogram("trommel_event_batch_events", "Events committed together.", buckets=_COUNTS)
REJECTED_EVENTS = Counter(
    "trommel_rejected_events_total", "Events that will never be recorded, by the field that breaks a rule.", ["field"]
)
AUDITED_EVENTS = Counter(
    "trommel_acknowledged_events_audited_total",
    "Acknowledged events that were looked for in the database later: all, or a random sample of many.",
)
LOST_EVENTS = Counter(
    "trommel_acknowledged_events_lost_total", "Acknowledged events that the database did not have. Must stay 0."
)
OPEN_STREAMS = Gauge("trommel_event_streams", "StreamEvents calls that are open.")
STREAM_LAG_SECONDS = Histogram(
    "trommel_event_stream_lag_seconds",
    "Time from the reading of a streamed event to its acknowledgement; of each batch, that of its oldest event.",
    buckets=_FAST_SECONDS,
)
HISTORY_CACHE_FAILURES = Counter(
    "trommel_history_cache_failures_total",
    "Writes to or reads from the history cache that failed.",
    ["operation"],
)
STALE_HISTORIES = Gauge(
    "trommel_stale_histories_users", "Users whose cached history lacks an event; -1 where all of them may."
)
HISTORY_REBUILDS = Counter("trommel_history_rebuilds_total", "Histories rebuilt from the database.")

SLATE_RECORDS = Counter("trommel_slate_records_total", "Served slates, by what became of their record.", ["result"])
SLATE_QUEUE = Gauge("trommel_slate_record_queue_slates", "Slates waiting to be recorded.")
SLATE_AGE = Gauge("trommel_slate_record_oldest_seconds", "How long the oldest slate to be recorded has waited.")

DELETED_ROWS = Counter(
    "trommel_retention_deleted_rows_total", "Rows deleted because they were older than they may be.", ["table"]
)
RETENTION_FAILURES = Counter(
    "trommel_retention_failures_total", "Looks for what is too old that ended before their end.", ["table"]
)
RETENTION_CHECKED = Gauge(
    "trommel_retention_checked_timestamp_seconds",
    "When this process last looked for what is too old, to the end; 0 for never.",
)

CATALOG_ITEMS = Gauge("trommel_catalog_items", "Items in the catalog as this process sees it.")
CATALOG_READ = Gauge("trommel_catalog_read_timestamp_seconds", "When the catalog was last read with success.")
TEXT_JOBS = Gauge(
    "trommel_text_queue_items",
    "Item texts in the queue: waiting for the text encoder, or given up.",
    ["state"],
)
ENCODED_TEXTS = Counter("trommel_encoded_texts_total", "Item texts that this process had encoded.", ["result"])
NEWCOMERS = Gauge(
    "trommel_newcomer_items", "Items that the active bundle does not know and that are ranked by their content."
)

TRAINING_RUNS = Counter(
    "trommel_training_runs_total",
    "Training runs ended, by state; those that succeeded and whose bundle the gate held back apart.",
    ["state"],
)
TRAINING_SECONDS = Histogram(
    "trommel_training_step_duration_seconds",
    "Time of one step of a training run.",
    ["step"],
    buckets=(0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
)
TRAINING_PROGRESS = Gauge("trommel_training_progress_ratio", "Share of the present training run that is done.")
RUNS_IN_TABLE = Gauge(
    "trommel_training_table_runs",
    "Training runs that PostgreSQL knows; abandoned ones wait for another worker.",
    ["state"],
)
WAITING_RUN_SECONDS = Gauge(
    "trommel_training_oldest_waiting_run_seconds",
    "How long the oldest run that nobody works on has waited; 0 for none.",
)
LAST_SUCCESS = Gauge(
    "trommel_training_last_success_timestamp_seconds", "When a training run last succeeded; 0 for never."
)
LAST_RUN_SECONDS = Gauge("trommel_training_last_run_duration_seconds", "How long the run that ended last took.")
QUEUE_MESSAGES = Gauge("trommel_training_queue_messages", "Messages in Redis that no worker has taken.")

STORE_USED = Gauge("trommel_store_used_bytes", "What a store's files take on the disk.", ["store"])
STORE_LIMIT = Gauge(
    "trommel_store_limit_bytes", "What a store's files may take: the quota, else the file system.", ["store"]
)
STORE_FREE = Gauge(
    "trommel_store_free_bytes",
    "What a store may still take: the rest of the quota or of the file system, the lesser.",
    ["store"],
)

ACTIVE_BUNDLE = Gauge("trommel_bundle_info", "1 for the bundle that this process serves from.", ["version"])
BUNDLE_CREATED = Gauge(
    "trommel_bundle_created_timestamp_seconds",
    "When the active bundle was made; its age is time() minus this.",
)
BUNDLE_LOADS = Counter("trommel_bundle_loads_total", "Bundles loaded by this process, by result.", ["result"])
BUNDLE_QUALITY = Gauge(
    "trommel_bundle_quality_ratio",
    "The active bundle's figures on held-out events, 0 to 1, higher is better.",
    ["figure"],
)

LABELS: Mapping[str, str] = {
    "error": "class of the exception",
    "field": "field of the event: event_id, user_id, item_id, scenario, type, time, dwell_time, value, request_id, or "
    "event where several together break a rule",
    "figure": "ranker_ndcg_at_10, ranker_recall_at_10, popularity_ndcg_at_10",
    "grpc_code": "the status codes of gRPC",
    "grpc_method": "the methods in protos/",
    "grpc_service": "the services in protos/",
    "grpc_type": "unary, client_stream, server_stream, bidi_stream",
    "model": "ranker, user_encoder, text_encoder, tuned_text_encoder",
    "operation": "read (ranking); apply, rebuild, mend (feedback)",
    "part": "postgres, redis, triton, candidates, feedback",
    "pipeline": "ranking; candidates, hydrate_candidates, similar_items (of the candidates service)",
    "quality": "full, degraded",
    "reason": "history_unavailable, candidates_unavailable, ranker_unavailable, no_bundle (ranking); no_source_scores, "
    "no_user_vector (candidates); source_<name>_late and source_<name>_failed for each source (both)",
    "result": "of Triton: ok, timeout, error; of events: recorded, duplicate, rejected; of slates: recorded, "
    "duplicate, dropped, failed; of bundles and texts: ok, failed",
    "role": "query_hydrator, source, merge, candidate_hydrator, filter, scorer, selector, side_effect",
    "source": "the sources in services/core/sources, newcomers, intent, fresh, and those of ranking",
    "stage": "the stages of the pipeline",
    "state": "of runs that ended: succeeded, failed, held_back; in the table: queued, running, succeeded, failed, "
    "abandoned; of texts: waiting, given_up",
    "status": "answered, late, failed, disabled",
    "step": "the steps of a training run",
    "store": "bundles, models",
    "table": "slates, events",
    "type": "impression, click, view, like, dislike, rating, purchase, hide, unknown",
    "version": "the one that is active or runs; the former one leaves the page",
}
"""What the values of each label may be."""

Declared = Counter | Gauge | Histogram
_SERVER = (GRPC_STARTED, GRPC_HANDLED, GRPC_SECONDS, GRPC_IN_FLIGHT, GRPC_LIMIT, BUILD, PART_UP)
_DATABASE = (DATABASE_WAITING, DATABASE_CONNECTIONS)
_PIPELINE = (
    *(STAGE_SECONDS, STAGE_FAILURES, REMOVED_CANDIDATES, SOURCE_RUNS, SOURCE_CANDIDATES, ANSWERS, DEGRADED_ANSWERS),
    *(TRITON_SECONDS, ACTIVE_BUNDLE, BUNDLE_CREATED, BUNDLE_LOADS),
)
REPORTED: Mapping[str, tuple[Declared, ...]] = {
    "candidates": (
        *(*_SERVER, *_DATABASE, *_PIPELINE, CATALOG_ITEMS, CATALOG_READ),
        *(TEXT_JOBS, ENCODED_TEXTS, NEWCOMERS),
    ),
    "ranking": (*_SERVER, *_PIPELINE, HISTORY_CACHE_FAILURES, SLATE_RECORDS, SLATE_QUEUE, SLATE_AGE),
    "feedback": (
        *(*_SERVER, *_DATABASE, EVENTS, EVENT_COMMIT_SECONDS, EVENT_BATCH_SIZE, REJECTED_EVENTS),
        *(AUDITED_EVENTS, LOST_EVENTS, OPEN_STREAMS, STREAM_LAG_SECONDS),
        *(HISTORY_CACHE_FAILURES, STALE_HISTORIES, HISTORY_REBUILDS, SLATE_RECORDS),
        *(DELETED_ROWS, RETENTION_FAILURES, RETENTION_CHECKED),
    ),
    "training-api": (
        *(*_SERVER, *_DATABASE, RUNS_IN_TABLE, WAITING_RUN_SECONDS, LAST_SUCCESS, LAST_RUN_SECONDS, QUEUE_MESSAGES),
        *(STORE_USED, STORE_LIMIT, STORE_FREE, ACTIVE_BUNDLE, BUNDLE_CREATED, BUNDLE_QUALITY, TRITON_SECONDS),
    ),
    "training-worker": (BUILD, PART_UP, TRAINING_RUNS, TRAINING_SECONDS, TRAINING_PROGRESS, TRITON_SECONDS),
}
"""What each service reports; the names are those of the images. All of them report process_* and python_* as well."""


def start_metrics(address: str, service: str = "") -> int:
    """Serve /metrics at host:port in a thread of its own; return the port, which the system chose if it was 0.

    Args:
        address: host:port.
        service: Whose metrics, a key of REPORTED; without one all that are declared.

    Raises:
        OSError: The port is taken or not allowed.
    """
    # The times at which series began double their number, and nothing here reads them.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    host, _, port = address.rpartition(":")
    try:
        server, _ = start_http_server(int(port), addr=host, registry=_registry_of(service))
    except OSError as error:
        raise OSError(
            f"cannot serve metrics on {address}: the port is taken or not allowed; set TROMMEL_METRICS_LISTEN"
        ) from error
    return int(server.server_address[1])


def _registry_of(service: str) -> CollectorRegistry:
    if not service:
        return REGISTRY
    try:
        BUILD.labels(version("trommel")).set(1)
    except PackageNotFoundError:
        BUILD.labels("unknown").set(1)
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR, *REPORTED[service]):
        registry.register(collector)
    return registry
