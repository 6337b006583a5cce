"""PostgreSQL, Redis, Triton, candidates and feedback once a session; ranking in the test, which can hide parts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import InferenceServerClient
from trommel.candidates.v1 import candidates_pb2, candidates_pb2_grpc
from trommel.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2_grpc

from services.embedded import StackSettings, down, status, up
from services.plumbing.bundle_pointer import write_pointer
from services.plumbing.server import serving
from services.ranking.composition import compose
from services.ranking.settings import RankingSettings
from tests.bundle_maker import make_bundle
from tests.free_ports import free_port_base

VERSION = "20240101000000"
SCENARIO = "movies/home"
ITEMS = [str(number) for number in range(1, 401)]
PARTS = ("postgres", "redis", "triton", "candidates", "feedback")
RATING = feedback_pb2.EVENT_TYPE_RATING

# A busy machine may be slow: what these tests ask is what happens, not how fast.
PATIENT = {
    "drain_delay_seconds": 0.0,
    "time_budget_seconds": 20.0,
    "history_timeout_seconds": 1.0,
    "history_store_timeout_seconds": 5.0,
    "candidates_timeout_seconds": 10.0,
    "ranker_timeout_seconds": 10.0,
}


@dataclass(frozen=True)
class Stack:
    """The parts around ranking; the keeper starts them again when they are killed."""

    settings: StackSettings
    environment: dict[str, str]
    feedback: feedback_pb2_grpc.FeedbackServiceStub

    def kill(self, part: str) -> None:
        pid = next(process.pid for process in status(self.settings) if process.name == part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def publish(self, version: str, *, to_triton: bool = True) -> None:
        """Make a bundle, load its models as training does, and point at it."""
        store = Path(self.environment["TROMMEL_BUNDLE_STORE"])
        make_bundle(store, version, item_ids=ITEMS)
        if to_triton:
            for model in ("ranker", "user_encoder"):
                place = Path(self.environment["TROMMEL_MODEL_REPOSITORY"]) / model / version
                place.mkdir(parents=True)
                shutil.copy(store / version / "models" / model / "model.onnx", place / "model.onnx")
                InferenceServerClient(self.environment["TROMMEL_TRITON_URL"]).load_model(model)
        write_pointer(store, version)

    def record(self, user_id: str, *item_ids: str, type_: int = RATING) -> None:
        """Record events of a user, a second apart, the last one now."""
        events = []
        for number, item_id in enumerate(item_ids):
            event = feedback_pb2.Event(
                event_id=f"{user_id}-{type_}-{item_id}-{time.time_ns()}",
                user_id=user_id,
                item_id=item_id,
                scenario=SCENARIO,
                type=type_,
                value=4.0,
            )
            event.time.FromMicroseconds(int((time.time() - len(item_ids) + number) * 1e6))
            events.append(event)
        results = self.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=30).results
        assert {result.status for result in results} == {feedback_pb2.EventResult.STATUS_RECORDED}


def film(number: int) -> catalog_pb2.Item:
    category = "Odd" if number % 2 else "Even"
    return catalog_pb2.Item(id=str(number), scenario="movies", title=f"Film {number}", categories=[category, "All"])


def wait_for_bundle(candidates_url: str) -> None:
    """Wait until candidates has seen the pointer, which it looks at twice a second."""
    stub = candidates_pb2_grpc.CandidateServiceStub(grpc.insecure_channel(candidates_url))
    request = candidates_pb2.GenerateCandidatesRequest(user_id="u", scenario=SCENARIO, count=10)
    for _ in range(100):
        response = stub.GenerateCandidates(request, timeout=10)
        if response.bundle_version == VERSION and response.candidates.item_ids:
            return
        time.sleep(0.1)
    pytest.fail("candidates never served the bundle")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("ranking"), port_base=free_port_base())
    try:
        environment = up(settings, only=PARTS).environment
        channel = grpc.insecure_channel(environment["TROMMEL_FEEDBACK_URL"])
        running = Stack(settings, environment, feedback_pb2_grpc.FeedbackServiceStub(channel))
        running.publish(VERSION)
        catalog = catalog_pb2_grpc.CatalogServiceStub(grpc.insecure_channel(environment["TROMMEL_CANDIDATES_URL"]))
        films = [film(number) for number in range(1, len(ITEMS) + 1)]
        upserted = catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=films)]), timeout=30)
        assert upserted.upserted_count == len(ITEMS)
        running.record("ann", *map(str, range(50, 90)))
        wait_for_bundle(environment["TROMMEL_CANDIDATES_URL"])
        yield running
    finally:
        down(settings)


@pytest.fixture
def restored_bundle(stack: Stack) -> Iterator[None]:
    """For tests that activate other bundles: everybody is back on the first one afterwards."""
    yield
    write_pointer(Path(stack.environment["TROMMEL_BUNDLE_STORE"]), VERSION)
    time.sleep(1.5)


@dataclass(frozen=True)
class Ranking:
    """A ranking server in the test's own event loop."""

    stub: ranking_pb2_grpc.RankingServiceStub
    port: int


StartRanking = Callable[..., AbstractAsyncContextManager[Ranking]]


@pytest.fixture
def start_ranking(stack: Stack) -> StartRanking:
    """Start ranking against the stack; options replace settings, for example a URL where nobody is."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Ranking]:
        names = ("redis_url", "triton_url", "candidates_url", "feedback_url", "bundle_store")
        urls = {name: stack.environment[f"TROMMEL_{name.upper()}"] for name in names}
        settings = RankingSettings(listen="127.0.0.1:0", **{**urls, **PATIENT, **options})
        async with (
            compose(settings) as register,
            serving(settings, register) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield Ranking(ranking_pb2_grpc.RankingServiceStub(channel), port)

    return start


@pytest.fixture
async def ranking(start_ranking: StartRanking) -> AsyncIterator[Ranking]:
    async with start_ranking() as running:
        yield running


@pytest.fixture
def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"
