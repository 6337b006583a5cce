"""How a slate is made. The only place where ranking's parts are constructed; read `slate_chain` first."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
from trommel.candidates.v1 import candidates_pb2, candidates_pb2_grpc
from trommel.catalog.v1 import catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc

from services.core.bundle import BundleManifest
from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import UnavailableError
from services.core.pipeline.chain import Chain, FallbackSource, OptionalHydrator, ScorerWithFallback
from services.core.pipeline.roles import QueryHydrator, Scorer, Selector, SideEffect, Source
from services.core.pipeline.runner import Pipeline
from services.plumbing.bundle_watcher import BundleWatcher
from services.plumbing.clients.channels import open_channel
from services.plumbing.clients.triton import TritonClient, open_triton
from services.plumbing.pipeline_observer import PrometheusObserver
from services.plumbing.reachability import Probe, health_probe, watching
from services.plumbing.server import Register
from services.plumbing.tls import channel_credentials
from services.ranking.candidates_client import CandidatesClient
from services.ranking.feedback_client import FeedbackClient
from services.ranking.ranking_bundle import RankingBundle
from services.ranking.reasons import Reasons
from services.ranking.redis_connections import open_connections
from services.ranking.servicer import RankingServicer
from services.ranking.settings import RankingSettings
from services.ranking.slate import SlateMaker
from services.ranking.stages.callers_order_source import CallersOrderSource
from services.ranking.stages.candidate_scorer import CandidateScorer
from services.ranking.stages.candidates_source import CandidatesSource
from services.ranking.stages.category_filter import CategoryFilter
from services.ranking.stages.diverse_selector import DiverseSelector
from services.ranking.stages.excluded_filter import ExcludedFilter
from services.ranking.stages.hidden_filter import HiddenFilter
from services.ranking.stages.history_hydrator import HistoryHydrator
from services.ranking.stages.impression_recorder import ImpressionRecorder
from services.ranking.stages.intent_scorer import IntentScorer
from services.ranking.stages.picks_hydrator import PicksHydrator
from services.ranking.stages.popular_source import PopularSource
from services.ranking.stages.ranker_scorer import RankerScorer, probe
from services.ranking.stages.redis_history import RedisHistory
from services.ranking.stages.seen_filter import SeenFilter
from services.ranking.stages.title_learner import TitleLearner
from services.ranking.stages.unavailable_filter import UnavailableFilter
from services.ranking.title_fetcher import fetching
from services.ranking.titles import Titles

logger = logging.getLogger(__name__)

_POPULAR_TITLES = 2_000

_CANDIDATES = candidates_pb2.DESCRIPTOR.services_by_name["CandidateService"].full_name
_FEEDBACK = feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name
_RANKING = ranking_pb2.DESCRIPTOR.services_by_name["RankingService"].full_name


def slate_chain(
    name: str,
    *,
    history: QueryHydrator,
    candidates: Source,
    candidates_fallback: Source,
    ranker: Scorer,
    selector: Selector,
    side_effects: tuple[SideEffect, ...],
) -> Chain:
    """The way of a slate, top to bottom. What can be away has beside it what stands in, and the reason then given.

    Recommend and Rank run the same stages; they differ in what stands in for the candidates service.
    """
    return Chain(
        name=name,
        # Redis, else the feedback service; without both the user counts as new.
        # Then what a new user picked, before anything they did.
        query_hydrators=(OptionalHydrator(history, "history_unavailable"), PicksHydrator()),
        # One hop: proposals of all sources (Recommend), or the columns of the caller's items (Rank).
        sources=(candidates,),
        fallback_source=FallbackSource(candidates_fallback, "candidates_unavailable"),
        candidate_hydrators=(),
        # Exclusions were pushed down already; here they are guaranteed.
        filters=(UnavailableFilter(), SeenFilter(), HiddenFilter(), ExcludedFilter(), CategoryFilter()),
        # The Transformer in Triton, of the bundle that the candidates name; users without a history get popularity.
        # Then what the user asks for in words, if anything.
        scorers=(
            ScorerWithFallback(ranker, CandidateScorer(), "ranker_unavailable"),
            ScorerWithFallback(IntentScorer()),
        ),
        selector=selector,
        # The impression, queued and sent behind the answer's back.
        side_effects=side_effects,
    )


@asynccontextmanager
async def compose(settings: RankingSettings) -> AsyncIterator[Register]:
    """Open what ranking needs, and close it after the drain. None of it need be there at the start."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(
            open_connections(settings.redis_url, connect_timeout_seconds=settings.history_timeout_seconds)
        )
        triton = await stack.enter_async_context(open_triton(settings.triton_url))
        # One channel for both services of the candidates process.
        tls = channel_credentials(settings)
        candidates_channel = await stack.enter_async_context(
            open_channel(settings.candidates_url, _CANDIDATES, credentials=tls)
        )
        feedback_channel = await stack.enter_async_context(
            open_channel(settings.feedback_url, _FEEDBACK, credentials=tls)
        )
        candidates = CandidatesClient(
            candidates_pb2_grpc.CandidateServiceStub(candidates_channel),
            catalog_pb2_grpc.CatalogServiceStub(candidates_channel),
        )
        feedback = FeedbackClient(feedback_pb2_grpc.FeedbackServiceStub(feedback_channel))
        titles = Titles()
        bundles = await stack.enter_async_context(_watcher(settings, triton, titles).following())
        selector = DiverseSelector(settings.diversity_strength, settings.newcomer_share)
        recorder = ImpressionRecorder(
            feedback, selector.policy, settings.slate_queue_size, settings.slate_linger_seconds
        )
        chain = partial(
            slate_chain,
            history=HistoryHydrator(
                RedisHistory(redis),
                feedback,
                CircuitBreaker("feedback"),
                cache_timeout_seconds=settings.history_timeout_seconds,
                store_timeout_seconds=settings.history_store_timeout_seconds,
            ),
            candidates=CandidatesSource(
                candidates,
                CircuitBreaker("candidates"),
                candidate_count=settings.candidate_count,
                timeout_seconds=settings.candidates_timeout_seconds,
            ),
            ranker=RankerScorer(
                triton,
                bundles,
                CircuitBreaker("ranker"),
                timeout_seconds=settings.ranker_timeout_seconds,
                reserve_seconds=settings.ranker_reserve_seconds,
            ),
            selector=selector,
            side_effects=(recorder, TitleLearner(titles)),
        )
        observer, reasons = PrometheusObserver("ranking"), Reasons(titles)

        def maker(chain: Chain) -> SlateMaker:
            return SlateMaker(Pipeline(chain, observer), bundles, reasons, selector.policy)

        servicer = RankingServicer(
            recommend=maker(chain("recommend", candidates_fallback=PopularSource(bundles, titles))),
            rank=maker(chain("rank", candidates_fallback=CallersOrderSource(titles))),
            settings=settings,
        )
        await stack.enter_async_context(recorder.recording())
        await stack.enter_async_context(fetching(titles, candidates))
        probes: dict[str, Probe] = {
            "redis": lambda: redis.ask([("PING",)]),
            "triton": triton.check,
            "candidates": health_probe(candidates_channel, _CANDIDATES),
            "feedback": health_probe(feedback_channel, _FEEDBACK),
        }
        await stack.enter_async_context(watching(probes))

        def register(server: grpc.aio.Server) -> Sequence[str]:
            ranking_pb2_grpc.add_RankingServiceServicer_to_server(servicer, server)
            return (_RANKING,)

        yield register


def _watcher(settings: RankingSettings, triton: TritonClient, titles: Titles) -> BundleWatcher[RankingBundle]:
    """Follow the pointer; a new bundle is used once its ranker has answered."""

    def load(path: Path, manifest: BundleManifest) -> RankingBundle:
        return RankingBundle.load(path, manifest, settings.head_weights)

    async def ready(version: str, bundle: RankingBundle) -> None:
        # Popular items are in most histories: reasons can name them from the first slate on.
        titles.want(bundle.index.ids_of(bundle.popular_rows[:_POPULAR_TITLES]))
        try:
            await probe(triton, version, bundle)
        except (UnavailableError, TimeoutError) as error:
            # A bundle that serves goes on serving. Without one, degraded answers from this one are better than none.
            if watcher.loaded.active() is not None:
                raise
            logger.warning("bundle %s is used although its ranker does not answer: %s", version, error)

    watcher = BundleWatcher(settings.bundle_store, load, ready)
    return watcher
