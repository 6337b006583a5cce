"""FeedbackService on the wire: convert, run, convert."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.core.cascade import HISTORY_EVENTS
from services.feedback.admission import Admission
from services.feedback.converters import (
    check_batch,
    check_history_request,
    history_to_proto,
    judged_from_proto,
    outcome_to_proto,
    slates_from_proto,
)
from services.feedback.event import Event, Rejection
from services.feedback.event_recorder import EventRecorder
from services.feedback.event_streams import EventStreams
from services.feedback.history_keeper import HistoryKeeper
from services.feedback.slate_recorder import SlateRecorder


class FeedbackServicer(feedback_pb2_grpc.FeedbackServiceServicer):
    """Serves FeedbackService."""

    def __init__(
        self,
        recorder: EventRecorder,
        streams: EventStreams,
        keeper: HistoryKeeper,
        slates: SlateRecorder,
        admission: Admission,
        patience_seconds: float,
    ) -> None:
        self._recorder = recorder
        self._streams = streams
        self._keeper = keeper
        self._slates = slates
        self._admission = admission
        self._patience_seconds = patience_seconds

    async def RecordEvents(  # noqa: N802 - gRPC's name
        self, request: feedback_pb2.RecordEventsRequest, _context: grpc.aio.ServicerContext
    ) -> feedback_pb2.RecordEventsResponse:
        """Record a batch; each event is judged on its own."""
        check_batch(request)
        with self._admission.batch():
            now = _now_microseconds()
            judged = [judged_from_proto(event, now) for event in request.events]
            outcomes = await self._recorder.record(judged, self._patience_seconds)
        return feedback_pb2.RecordEventsResponse(results=map(outcome_to_proto, outcomes))

    async def StreamEvents(  # noqa: N802
        self,
        request_iterator: AsyncIterator[feedback_pb2.StreamEventsRequest],
        _context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[feedback_pb2.StreamEventsResponse]:
        """Record events as they come and acknowledge each after its commit."""

        async def judged() -> AsyncIterator[Event | Rejection]:
            async for request in request_iterator:
                yield judged_from_proto(request.event, _now_microseconds())

        async with aclosing(self._streams.outcomes(judged())) as batches:
            async for outcomes in batches:
                for outcome in outcomes:
                    yield feedback_pb2.StreamEventsResponse(result=outcome_to_proto(outcome))

    async def GetHistory(  # noqa: N802
        self, request: feedback_pb2.GetHistoryRequest, _context: grpc.aio.ServicerContext
    ) -> feedback_pb2.GetHistoryResponse:
        """Return what a user did, and have Redis know it too."""
        check_history_request(request)
        limit = request.limit or HISTORY_EVENTS
        return history_to_proto(await self._keeper.user_record(request.user_id, limit, request.scenario))

    async def RecordSlates(  # noqa: N802
        self, request: feedback_pb2.RecordSlatesRequest, _context: grpc.aio.ServicerContext
    ) -> feedback_pb2.RecordSlatesResponse:
        """Keep served slates."""
        slates = slates_from_proto(request, _now_microseconds())
        with self._admission.batch():
            recorded = await self._slates.record(slates, self._patience_seconds)
        return feedback_pb2.RecordSlatesResponse(recorded_count=recorded)


def _now_microseconds() -> int:
    return time.time_ns() // 1000
