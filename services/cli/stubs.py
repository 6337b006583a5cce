"""One opener a service: the stub with its name, so that no command spells them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from services.cli.connection import connected


def ranking() -> AbstractAsyncContextManager[Any]:
    """Open RankingService."""
    from trommel.ranking.v1.ranking_pb2_grpc import RankingServiceStub

    return connected("trommel.ranking.v1.RankingService", RankingServiceStub)


def candidates() -> AbstractAsyncContextManager[Any]:
    """Open CandidateService."""
    from trommel.candidates.v1.candidates_pb2_grpc import CandidateServiceStub

    return connected("trommel.candidates.v1.CandidateService", CandidateServiceStub)


def catalog() -> AbstractAsyncContextManager[Any]:
    """Open CatalogService."""
    from trommel.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

    return connected("trommel.catalog.v1.CatalogService", CatalogServiceStub)


def feedback() -> AbstractAsyncContextManager[Any]:
    """Open FeedbackService."""
    from trommel.feedback.v1.feedback_pb2_grpc import FeedbackServiceStub

    return connected("trommel.feedback.v1.FeedbackService", FeedbackServiceStub)


def training() -> AbstractAsyncContextManager[Any]:
    """Open TrainingService."""
    from trommel.training.v1.training_pb2_grpc import TrainingServiceStub

    return connected("trommel.training.v1.TrainingService", TrainingServiceStub)
