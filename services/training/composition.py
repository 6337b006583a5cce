"""Everything the training server is made of, put together here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from trommel.training.v1 import training_pb2, training_pb2_grpc

from services.plumbing.clients.postgres import open_pool
from services.plumbing.clients.redis_client import open_redis
from services.plumbing.clients.triton import open_triton
from services.plumbing.reachability import Probe, database_probe, watching
from services.plumbing.server import Register
from services.plumbing.settings import ServerSettings
from services.training.bundle_table import BundleTable
from services.training.celery_app import make_app
from services.training.reconciler import Reconciler
from services.training.run_gauges import RunGauges
from services.training.run_queue import RunQueue
from services.training.run_table import RunTable
from services.training.servicer import TrainingServicer
from services.training.settings import TrainingServerSettings
from services.training.steps.activate import Activation
from services.training.text_encoder_models import TextEncoderModels
from services.training.triton_models import open_triton_models

_REDIS_SECONDS = 2.0
_SERVICE = training_pb2.DESCRIPTOR.services_by_name["TrainingService"].full_name


@asynccontextmanager
async def compose(settings: ServerSettings) -> AsyncIterator[Register]:
    """Open pools, channels and the reconciler; yield what registers the servicer. None of them needs its peer yet."""
    if not isinstance(settings, TrainingServerSettings):
        raise TypeError("the training server needs TrainingServerSettings")
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database_url))
        redis = await stack.enter_async_context(open_redis(settings.redis_url, timeout_seconds=_REDIS_SECONDS))
        triton = await stack.enter_async_context(open_triton(settings.triton_url))
        admin_key = settings.triton_admin_key.get_secret_value()
        models = await stack.enter_async_context(
            open_triton_models(settings.triton_url, settings.triton_load_seconds, admin_key)
        )
        app = make_app(settings.redis_url)
        stack.callback(app.close)
        runs = RunTable(pool, settings.tenant)
        queue = RunQueue(app, redis, settings.tenant)
        activation = Activation(settings, pool, models, triton)
        text_encoder = TextEncoderModels(
            settings.bundle_store, settings.model_repository, settings.model_configs, models
        )
        reconciler = Reconciler(
            runs, queue, activation, text_encoder, settings.bundle_store, settings.reconcile_seconds
        )
        await stack.enter_async_context(reconciler.running())
        await stack.enter_async_context(RunGauges(runs, queue, settings).looking())
        probes: dict[str, Probe] = {
            "postgres": database_probe(settings.database_url),
            "redis": redis.ping,
            "triton": triton.check,
        }
        await stack.enter_async_context(watching(probes))
        servicer = TrainingServicer(
            pool, runs, BundleTable(settings.tenant), queue, reconciler, activation, settings.max_waiting_runs
        )

        def register(server: grpc.aio.Server) -> Sequence[str]:
            training_pb2_grpc.add_TrainingServiceServicer_to_server(servicer, server)
            return (_SERVICE,)

        yield register
