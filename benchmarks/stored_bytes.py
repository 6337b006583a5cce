"""What a stored event, item, slate and cached history take, and how long a backup and a restore of them run.

    python benchmarks/stored_bytes.py [--events 200000] [--items 10000] [--slates 20000]

It starts a PostgreSQL, a Redis and a feedback service of its own in a temporary directory and needs nothing that runs.
Sizes are what PostgreSQL holds of a table with its indexes, by row, just written; Redis' are the keys of one user with
a full history. Sizes do not depend on the machine; seconds do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import psycopg
import redis
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.core.cascade import HISTORY_EVENTS
from services.embedded import StackSettings, down, up

# As callers send them: ids of UUID's length, a slate of ten items with fourteen numbers each and a history.
_EVENTS = """
INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time, request_id)
SELECT 'default', gen_random_uuid()::text, 'user-' || n %% 1000, 'item-' || n %% 5000, 2, now() - n * interval '1 s',
    gen_random_uuid()::text FROM generate_series(1, %s) AS n
"""
_ITEMS = """
INSERT INTO items (tenant, item_id, title, text, categories, attributes)
SELECT 'default', 'item-' || n, 'A title of some words', repeat('Words of a description. ', 20), '{drama,comedy}',
    '{"year": 1999}' FROM generate_series(1, %s) AS n
"""
_VECTORS = """
INSERT INTO item_vectors (tenant, item_id, name, values, encoder, digest)
SELECT 'default', 'item-' || n, 'text',
    (SELECT array_agg((random() + 0 * (n + i))::real) FROM generate_series(1, 384) AS i),
    repeat('f', 16), repeat('d', 32) FROM generate_series(1, %s) AS n
"""
_SLATES = """
INSERT INTO slates (tenant, request_id, user_id, bundle_version, policy, history_item_ids, item_ids, scores,
    feature_names, features)
SELECT 'default', gen_random_uuid()::text, 'user-' || n, '20260101000000', 'diverse',
    (SELECT array_agg('item-' || i) FROM generate_series(1, 50) AS i),
    (SELECT array_agg('item-' || i) FROM generate_series(1, 10) AS i),
    (SELECT array_agg((random() + 0 * (n + i))::real) FROM generate_series(1, 10) AS i),
    (SELECT array_agg('feature_' || i) FROM generate_series(1, 14) AS i),
    (SELECT array_agg((random() + 0 * (n + i))::real) FROM generate_series(1, 140) AS i)
FROM generate_series(1, %s) AS n
"""


def fill(database_url: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Write the rows; return bytes a row by table."""
    counts = {"events": arguments.events, "items": arguments.items, "slates": arguments.slates}
    counts["item_vectors"] = arguments.items
    sizes = {}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table, statement in (
            ("events", _EVENTS),
            ("items", _ITEMS),
            ("item_vectors", _VECTORS),
            ("slates", _SLATES),
        ):
            connection.execute(statement, (counts[table],))
            row = connection.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()
            sizes[table] = round(row[0] / counts[table], 1) if row else 0.0
    return sizes


def history_bytes(environment: dict[str, str]) -> int:
    """Have one user's full history cached; return what its keys take in Redis."""
    user = "full-history"
    with grpc.insecure_channel(environment["TROMMEL_FEEDBACK_URL"]) as channel:
        feedback = feedback_pb2_grpc.FeedbackServiceStub(channel)
        events = [
            feedback_pb2.Event(
                event_id=f"full-{n}", user_id=user, item_id=f"item-{n}", type=feedback_pb2.EVENT_TYPE_CLICK
            )
            for n in range(HISTORY_EVENTS)
        ]
        for n, event in enumerate(events):
            event.time.seconds = 1_700_000_000 + n
        feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=60)
        feedback.GetHistory(feedback_pb2.GetHistoryRequest(user_id=user), timeout=60)
    with redis.Redis.from_url(environment["TROMMEL_REDIS_URL"]) as client:
        return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.keys(f"trommel:default:*:{user}"))


def timed(environment: dict[str, str], *arguments: str) -> float:
    """Run a command line; return its seconds. What starting Python takes is in them."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "services.cli.app", *arguments]
    keep = ("TROMMEL_DATA_DIR", "TROMMEL_PORT_BASE")
    own = {name: environment[name] for name in keep}
    subprocess.run(command, env={**os.environ, **own}, check=True, capture_output=True)
    return round(time.perf_counter() - began, 2)


def main() -> None:
    """Fill, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--slates", type=int, default=20_000)
    parser.add_argument("--port-base", type=int, default=17_100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = StackSettings(data_dir=Path(folder, "data"), port_base=arguments.port_base)
        try:
            environment = up(settings, only=("postgres", "redis", "feedback")).environment
            report: dict[str, object] = {"bytes_a_row": fill(environment["TROMMEL_DATABASE_URL"], arguments)}
            report["history_bytes_in_redis"] = history_bytes(environment)
            target = Path(folder, "backup.tar")
            report["backup_seconds"] = timed(environment, "backup", str(target))
            report["backup_bytes"] = target.stat().st_size
            down(settings)
            # With the start and the end of PostgreSQL and Redis, as after a disaster.
            report["restore_seconds"] = timed(environment, "restore", str(target), "--replace")
        finally:
            down(settings)
    rows = {"events": arguments.events, "items": arguments.items, "slates": arguments.slates}
    sys.stdout.write(json.dumps({"rows": rows, **report, "cores": os.cpu_count()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
