"""All metrics, declared in one place. The gRPC ones keep the names of go-grpc-prometheus, so that its dashboards fit.

Labels take values from closed sets only (stages, methods, codes, reasons): never ids of users or items.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

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
DEGRADED_ANSWERS = Counter("trommel_degraded_answers_total", "Answers that were degraded.", ["pipeline", "reason"])

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
HISTORY_CACHE_FAILURES = Counter(
    "trommel_history_cache_failures_total",
    "Writes to or reads from the history cache that failed.",
    ["operation"],
)
HISTORY_REBUILDS = Counter("trommel_history_rebuilds_total", "Histories rebuilt from the database.")

SLATE_RECORDS = Counter("trommel_slate_records_total", "Served slates, by what became of their record.", ["result"])
SLATE_QUEUE = Gauge("trommel_slate_record_queue_slates", "Slates waiting to be recorded.")

CATALOG_ITEMS = Gauge("trommel_catalog_items", "Items in the catalog as this process sees it.")
TEXT_JOBS = Gauge(
    "trommel_text_queue_items", "Item texts in the queue: waiting for the text encoder, or given up.", ["state"]
)
ENCODED_TEXTS = Counter("trommel_encoded_texts_total", "Item texts that this process had encoded.", ["result"])
NEWCOMERS = Gauge(
    "trommel_newcomer_items", "Items that the active bundle does not know and that are ranked by their content."
)

TRAINING_RUNS = Counter("trommel_training_runs_total", "Training runs ended, by state.", ["state"])
TRAINING_SECONDS = Histogram(
    "trommel_training_step_duration_seconds",
    "Time of one step of a training run.",
    ["step"],
    buckets=(0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
)
TRAINING_PROGRESS = Gauge("trommel_training_progress_ratio", "Share of the present training run that is done.")
ACTIVE_BUNDLE = Gauge("trommel_bundle_info", "1 for the bundle that this process serves from.", ["version"])
BUNDLE_CREATED = Gauge(
    "trommel_bundle_created_timestamp_seconds",
    "When the active bundle was made; its age is time() minus this.",
)
BUNDLE_LOADS = Counter("trommel_bundle_loads_total", "Bundles loaded by this process, by result.", ["result"])


def start_metrics(address: str) -> int:
    """Serve /metrics at host:port in a thread of its own; return the port, which the system chose if it was 0.

    Raises:
        OSError: The port is taken or not allowed.
    """
    host, _, port = address.rpartition(":")
    try:
        server, _ = start_http_server(int(port), addr=host)
    except OSError as error:
        raise OSError(
            f"cannot serve metrics on {address}: the port is taken or not allowed; set TROMMEL_METRICS_LISTEN"
        ) from error
    return int(server.server_address[1])
