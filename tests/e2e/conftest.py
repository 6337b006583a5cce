"""The whole stack, once a session: PostgreSQL, Redis, Triton, four services and a worker, on a data set made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import pytest
from trommel.candidates.v1 import candidates_pb2_grpc
from trommel.catalog.v1 import catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2_grpc
from trommel.training.v1 import training_pb2_grpc

from services.embedded import StackSettings, down, status, up
from tests.e2e.synthetic_films import Films, import_films, make_films, train
from tests.free_ports import free_port_base


@dataclass(frozen=True)
class RunningStack:
    """A stack that runs, and stubs for it."""

    settings: StackSettings
    environment: dict[str, str]
    films: Films
    catalog: catalog_pb2_grpc.CatalogServiceStub
    candidates: candidates_pb2_grpc.CandidateServiceStub
    ranking: ranking_pb2_grpc.RankingServiceStub
    feedback: feedback_pb2_grpc.FeedbackServiceStub
    training: training_pb2_grpc.TrainingServiceStub

    def process(self, name: str) -> psutil.Process:
        """Return the process of one part."""
        pid = next(found.pid for found in status(self.settings) if found.name == name)
        assert pid is not None, f"{name} does not run"
        return psutil.Process(pid)


def channel(address: str) -> grpc.Channel:
    """Return a plain synchronous channel that follows restarts quickly."""
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
    return grpc.insecure_channel(address, options=options)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Bring everything up, import films and events, train one bundle and let it go live."""
    data = tmp_path_factory.mktemp("whole stack")  # a space in the path, on purpose
    settings = StackSettings(data_dir=Path(data), port_base=free_port_base())
    try:
        started = up(settings)
        environment = started.environment
        running = RunningStack(
            settings,
            environment,
            make_films(),
            catalog_pb2_grpc.CatalogServiceStub(channel(environment["TROMMEL_CANDIDATES_URL"])),
            candidates_pb2_grpc.CandidateServiceStub(channel(environment["TROMMEL_CANDIDATES_URL"])),
            ranking_pb2_grpc.RankingServiceStub(channel(environment["TROMMEL_RANKING_URL"])),
            feedback_pb2_grpc.FeedbackServiceStub(channel(environment["TROMMEL_FEEDBACK_URL"])),
            training_pb2_grpc.TrainingServiceStub(channel(environment["TROMMEL_TRAINING_URL"])),
        )
        import_films(running.films, running.catalog, running.feedback)
        train(running.training, running.ranking)
        yield running
    finally:
        down(settings)
