"""The stack of the drill: the synthetic films of the end-to-end tests, one trained bundle, and faults to be made."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
from trommel.candidates.v1 import candidates_pb2_grpc
from trommel.catalog.v1 import catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2_grpc
from trommel.training.v1 import training_pb2_grpc

from services.embedded import StackSettings, down, keeper, up
from services.embedded.supervisor_client import SupervisorClient
from tests.e2e.synthetic_films import Films, import_films, make_films, train

QUOTA_BYTES = 400_000_000
"""Of the bundle store; what the drill fills."""


class SmallStack:
    """A stack that runs."""

    def __init__(self, settings: StackSettings, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self.films: Films = make_films()
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(_channel(environment["TROMMEL_CANDIDATES_URL"]))
        self.candidates = candidates_pb2_grpc.CandidateServiceStub(_channel(environment["TROMMEL_CANDIDATES_URL"]))
        self.ranking = ranking_pb2_grpc.RankingServiceStub(_channel(environment["TROMMEL_RANKING_URL"]))
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(_channel(environment["TROMMEL_FEEDBACK_URL"]))
        self.training = training_pb2_grpc.TrainingServiceStub(_channel(environment["TROMMEL_TRAINING_URL"]))

    def stop(self, part: str, *, kill: bool = False) -> None:
        """Stop one part and keep it down; `kill` ends it by SIGKILL, as the kernel does for want of memory."""
        with self._supervisor() as client:
            pid = client.processes()[part].pid
            if kill and pid:
                os.kill(pid, signal.SIGKILL)
            # supervisord starts a killed part again: it is told to stop until it has.
            while client.processes()[part].state not in {"stopped", "failed"}:
                with suppress(OSError):
                    client.stop(part)
                time.sleep(0.05)

    def start(self, part: str) -> None:
        """Start one part and wait until it answers."""
        with self._supervisor() as client:
            keeper.start(client, [part], self.settings, lambda _: None)

    def fill_quota(self) -> None:
        """Leave 1 % of the bundle store's quota."""
        used = sum(path.stat().st_blocks * 512 for path in self.settings.bundles.rglob("*") if path.is_file())
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, QUOTA_BYTES * 99 // 100 - used)

    def free_quota(self) -> None:
        """Take away what filled it."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.settings.bundles / ".fills-the-quota"

    def _supervisor(self) -> SupervisorClient:
        client = keeper.connect(self.settings.root)
        if client is None:
            raise RuntimeError("the stack's supervisord is gone")
        return client


@contextmanager
def running_stack(data: Path, port_base: int) -> Iterator[SmallStack]:
    """Run a stack with a live bundle while the context is open."""
    os.environ["TROMMEL_BUNDLE_STORE_QUOTA_BYTES"] = str(QUOTA_BYTES)
    settings = StackSettings(data_dir=data, port_base=port_base)
    try:
        stack = SmallStack(settings, up(settings).environment)
        import_films(stack.films, stack.catalog, stack.feedback)
        train(stack.training, stack.ranking)
        yield stack
    finally:
        down(settings)


def _channel(address: str) -> grpc.Channel:
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
    return grpc.insecure_channel(address, options=options)
