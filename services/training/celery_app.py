"""The Celery application: one queue in Redis through which the server wakes the worker.

A message only says that a run waits; PostgreSQL knows everything about it. A lost message is sent again by the
server's reconciler, a doubled one finds the run taken or ended and does nothing.
"""

from __future__ import annotations

from celery import Celery

QUEUE = "trommel-training"
KEY_PREFIX = "trommel:celery:"
RUN_TASK = "trommel.training.run"
"""Takes [tenant, run id]."""

# Longer than this a message that a killed worker held stays hidden. It is no measure of how long a run may take: the
# lease in PostgreSQL keeps a message that comes back too early from doing anything.
_VISIBILITY_SECONDS = 3600


def make_app(redis_url: str) -> Celery:
    """Return an application on a Redis URL; it connects at first use."""
    app = Celery("trommel", broker=redis_url)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,
        worker_concurrency=1,
        worker_pool="solo",
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            "visibility_timeout": _VISIBILITY_SECONDS,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2.0,
            "socket_keepalive": True,
        },
    )
    return app
