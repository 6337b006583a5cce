"""The only place that puts the feedback service together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.feedback.acknowledgement_audit import AcknowledgementAudit
from services.feedback.admission import Admission
from services.feedback.event_recorder import EventRecorder
from services.feedback.event_store import EventStore
from services.feedback.event_streams import EventStreams
from services.feedback.history_cache import HistoryCache
from services.feedback.history_keeper import HistoryKeeper
from services.feedback.retention import Retention
from services.feedback.servicer import FeedbackServicer
from services.feedback.settings import FeedbackSettings
from services.feedback.slate_recorder import SlateRecorder
from services.feedback.stale_histories import StaleHistories
from services.plumbing.clients.postgres import open_pool
from services.plumbing.clients.redis_client import open_redis
from services.plumbing.reachability import database_probe, watching

# What a process that died may have committed without telling Redis: its batches in flight, and a good margin.
_EVENTS_TO_DISTRUST = 10_000


class Registration:
    """Adds the servicer to a server, and ends its streams when the server drains."""

    def __init__(self, servicer: FeedbackServicer, streams: EventStreams) -> None:
        self._servicer = servicer
        self._streams = streams

    def __call__(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the servicer; return the full name of its service."""
        feedback_pb2_grpc.add_FeedbackServiceServicer_to_server(self._servicer, server)
        return (feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name,)

    def begin_drain(self) -> None:
        """Let each stream finish what it has read."""
        self._streams.begin_drain()


@asynccontextmanager
async def compose(settings: FeedbackSettings) -> AsyncIterator[Registration]:
    """Open what the service needs, close it after the drain. The database and Redis may be away at the start."""
    async with (
        open_pool(settings.database_url, max_size=settings.feedback_pool_size, autocommit=True) as pool,
        open_redis(settings.redis_url, timeout_seconds=settings.feedback_redis_timeout_seconds) as redis,
    ):
        store = EventStore(pool, settings.tenant)
        cache = HistoryCache(redis, settings.tenant, settings.feedback_history_ttl_seconds)
        stale = StaleHistories(cache, lambda: store.newest_users(_EVENTS_TO_DISTRUST))
        keeper = HistoryKeeper(store, cache, stale)
        audit = AcknowledgementAudit(store)
        recorder = EventRecorder(store, keeper, audit)
        streams = EventStreams(
            recorder,
            settings.feedback_stream_batch,
            settings.feedback_stream_linger_seconds,
            settings.feedback_stream_patience_seconds,
        )
        servicer = FeedbackServicer(
            recorder,
            streams,
            keeper,
            SlateRecorder(pool, settings.tenant),
            Admission(settings.feedback_max_batches),
            settings.feedback_patience_seconds,
        )
        retention = Retention(
            pool, settings.tenant, settings.slate_retention_days, settings.event_retention_days, stale.mark
        )
        probes = {"postgres": database_probe(settings.database_url), "redis": redis.ping}
        async with stale.mending(), audit.auditing(), retention.deleting(), watching(probes):
            yield Registration(servicer, streams)
            await recorder.finish()
