"""The one place where the candidates service is put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
from trommel.candidates.v1 import candidates_pb2
from trommel.candidates.v1.candidates_pb2_grpc import add_CandidateServiceServicer_to_server
from trommel.catalog.v1 import catalog_pb2
from trommel.catalog.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.candidates.catalog.change_feed import ChangeFeed
from services.candidates.catalog.item_contents import ItemContents
from services.candidates.catalog.item_store import ItemStore
from services.candidates.catalog.item_texts import ItemTexts
from services.candidates.catalog.item_words import ItemWords
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.text_encoding import TextEncoding
from services.candidates.catalog.text_index import TextIndex
from services.candidates.catalog.text_jobs import TextJobs
from services.candidates.catalog.text_vectors import TextVectors
from services.candidates.catalog_servicer import CatalogServicer
from services.candidates.chains import GENERATE, HYDRATE, SIMILAR, PipelineBuilder
from services.candidates.newcomer_follower import NewcomerFollower
from services.candidates.pipelines import BundlePipelines, PipelineChooser
from services.candidates.servicer import CandidateServicer
from services.candidates.settings import CandidatesSettings
from services.candidates.stages.source_threads import SourceThreads, run_here
from services.core.bundle import BundleManifest
from services.core.text_encoder_files import FOLDER
from services.plumbing.bundle_watcher import BundleWatcher
from services.plumbing.clients.postgres import open_pool
from services.plumbing.clients.triton import open_triton
from services.plumbing.pipeline_observer import PrometheusObserver
from services.plumbing.reachability import database_probe, watching
from services.plumbing.server import Register
from services.plumbing.text.text_encoder import TextEncoderFolder

# Sources that may wait for a thread, each thread: beyond that they fail at once and the answer goes on without them.
_WAITING_A_THREAD = 8


@asynccontextmanager
async def compose(settings: CandidatesSettings) -> AsyncIterator[Register]:
    """Open what the service needs; yields what adds its two servicers to a server."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database_url, max_size=settings.database_pool_size))
        triton = await stack.enter_async_context(open_triton(settings.triton_url))
        threads = SourceThreads(settings.source_threads, settings.source_threads * _WAITING_A_THREAD)
        stack.callback(threads.close)
        replica = await stack.enter_async_context(
            CatalogReplica(ChangeFeed(pool, settings.tenant)).following(
                settings.catalog_poll_seconds, settings.start_wait_seconds
            )
        )
        folder = TextEncoderFolder(settings.bundle_store / FOLDER, triton)
        texts = await stack.enter_async_context(
            TextIndex(TextVectors(pool, settings.tenant), folder).following(replica)
        )
        builder = PipelineBuilder(
            replica,
            texts,
            ItemWords(pool, settings.tenant),
            triton,
            {name: PrometheusObserver(name) for name in (GENERATE, HYDRATE, SIMILAR)},
            settings.source_budget_seconds,
        )

        def load(path: Path, manifest: BundleManifest) -> BundlePipelines:
            bundle = load_candidate_bundle(path, manifest, settings.exact_search_max_items)
            small = bundle.index.item_count <= settings.inline_max_items
            return builder.of_bundle(bundle, run_here if small else threads.run)

        loaded = await stack.enter_async_context(BundleWatcher(settings.bundle_store, load).following())
        await stack.enter_async_context(
            watching({"postgres": database_probe(settings.database_url), "triton": triton.check})
        )
        contents = ItemContents(pool, settings.tenant)
        item_texts = ItemTexts(pool, settings.tenant)
        await stack.enter_async_context(NewcomerFollower(loaded, replica, contents, item_texts).following())
        encoding = await stack.enter_async_context(
            TextEncoding(
                TextJobs(pool, settings.tenant),
                folder,
                replica.refresh,
            ).running(settings.catalog_poll_seconds)
        )
        chooser = PipelineChooser(loaded, builder.without_bundle(), replica)
        candidate_servicer = CandidateServicer(chooser, settings.tenant, settings.time_budget_seconds)
        catalog_servicer = CatalogServicer(ItemStore(pool, settings.tenant), replica, encoding.texts_were_written)

        def register(server: grpc.aio.Server) -> Sequence[str]:
            add_CandidateServiceServicer_to_server(candidate_servicer, server)
            add_CatalogServiceServicer_to_server(catalog_servicer, server)
            return (
                candidates_pb2.DESCRIPTOR.services_by_name["CandidateService"].full_name,
                catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
            )

        yield register
