"""The feedback service as ranking sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.plumbing.clients.calls import call
from services.ranking.converters.feedback import get_history_request, slate_records, user_history_of
from services.ranking.served_slate import ServedSlate
from services.ranking.user_history import UserHistory

_FEEDBACK = "feedback"


class FeedbackClient:
    """Converts, calls, converts."""

    def __init__(self, stub: Any) -> None:
        """stub: FeedbackServiceStub."""
        self._stub = stub

    async def read_history(self, user_id: str, timeout_seconds: float) -> UserHistory:
        """Return what a user did; empty for somebody new. Raises UnavailableError or TimeoutError."""
        request = get_history_request(user_id)
        method = self._stub.GetHistory
        return user_history_of(await call(method, request, service=_FEEDBACK, timeout_seconds=timeout_seconds))

    async def record_slates(self, slates: Sequence[ServedSlate], timeout_seconds: float) -> None:
        """Keep up to 256 slates, each once however often it is sent. Raises UnavailableError or TimeoutError."""
        request = slate_records(slates)
        await call(self._stub.RecordSlates, request, service=_FEEDBACK, timeout_seconds=timeout_seconds)
