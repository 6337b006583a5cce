"""TrainingService: convert, do, convert."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import grpc
from trommel.training.v1 import training_pb2, training_pb2_grpc

from services.core.errors import NotFoundError
from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.tracing import traceparent
from services.training.bundle_table import BundleTable
from services.training.converters import bundle_message, parameters_of, run_message
from services.training.page_token import DEFAULT_PAGE_SIZE, PagePlace, decode, encode
from services.training.reconciler import Reconciler
from services.training.run_queue import RunQueue
from services.training.run_table import RunTable
from services.training.steps.activate import Activation


class TrainingServicer(training_pb2_grpc.TrainingServiceServicer):
    """Serves the runs and bundles of one tenant."""

    def __init__(
        self,
        pool: Pool,
        runs: RunTable,
        bundles: BundleTable,
        queue: RunQueue,
        reconciler: Reconciler,
        activation: Activation,
        max_waiting_runs: int,
    ) -> None:
        self._pool = pool
        self._runs = runs
        self._bundles = bundles
        self._queue = queue
        self._reconciler = reconciler
        self._activation = activation
        self._max_waiting_runs = max_waiting_runs

    async def StartRun(  # noqa: N802
        self, request: training_pb2.StartRunRequest, _: grpc.aio.ServicerContext
    ) -> training_pb2.StartRunResponse:
        """Record the run, then wake the worker; if the queue is away the reconciler does it later."""
        run_id = request.run_id or _new_run_id()
        parameters = replace(parameters_of(request), traceparent=traceparent())
        record, added = await self._runs.add(run_id, parameters, self._max_waiting_runs)
        if added and await self._queue.send(run_id):
            self._reconciler.was_sent(run_id)
        return training_pb2.StartRunResponse(run=run_message(record))

    async def GetRun(  # noqa: N802
        self, request: training_pb2.GetRunRequest, _: grpc.aio.ServicerContext
    ) -> training_pb2.GetRunResponse:
        """Return one run."""
        record = await self._runs.get(request.run_id)
        if record is None:
            raise NotFoundError("there is no training run of this id; ListRuns names them")
        return training_pb2.GetRunResponse(run=run_message(record))

    async def ListRuns(  # noqa: N802
        self, request: training_pb2.ListRunsRequest, _: grpc.aio.ServicerContext
    ) -> training_pb2.ListRunsResponse:
        """Return one page of runs."""
        size = request.page_size or DEFAULT_PAGE_SIZE
        records = await self._runs.page(decode(request.page_token), size + 1)
        more = encode(PagePlace(records[size - 1].created_at, records[size - 1].id)) if len(records) > size else ""
        return training_pb2.ListRunsResponse(
            runs=[run_message(record) for record in records[:size]], next_page_token=more
        )

    async def ListBundles(  # noqa: N802
        self, request: training_pb2.ListBundlesRequest, _: grpc.aio.ServicerContext
    ) -> training_pb2.ListBundlesResponse:
        """Return one page of bundles."""
        size = request.page_size or DEFAULT_PAGE_SIZE
        after = decode(request.page_token)
        async with connection(self._pool) as borrowed:
            records = await self._bundles.page(borrowed, after, size + 1)
        more = ""
        if len(records) > size:
            more = encode(PagePlace(records[size - 1].created_at, records[size - 1].version))
        return training_pb2.ListBundlesResponse(
            bundles=[bundle_message(record) for record in records[:size]], next_page_token=more
        )

    async def ActivateBundle(  # noqa: N802
        self, request: training_pb2.ActivateBundleRequest, _: grpc.aio.ServicerContext
    ) -> training_pb2.ActivateBundleResponse:
        """Make a bundle serve."""
        activated = await self._activation.activate(request.version)
        return training_pb2.ActivateBundleResponse(
            bundle=bundle_message(activated.record), previous_version=activated.previous_version
        )


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
