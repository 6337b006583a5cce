"""Which stages make up the pipelines, in which order."""

from __future__ import annotations

import numpy as np

from services.candidates.bundles.aligned_catalog import AlignedCatalog
from services.candidates.bundles.candidate_bundle import CandidateBundle
from services.candidates.bundles.newcomers import Newcomers
from services.candidates.bundles.stand_ins import StandIns
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.text_index import TextIndex
from services.candidates.pipelines import BundlePipelines
from services.candidates.stages.audience_source import AudienceScores, AudienceSource
from services.candidates.stages.bundle_source import BundleSource, Run
from services.candidates.stages.category_filter import CategoryFilter
from services.candidates.stages.count_filter import CountFilter
from services.candidates.stages.excluded_filter import ExcludedFilter
from services.candidates.stages.fresh_source import FreshSource
from services.candidates.stages.history_reader import HistoryReader
from services.candidates.stages.intent_source import IntentSource, Words
from services.candidates.stages.named_source import NamedSource
from services.candidates.stages.newcomer_source import NewcomerSource
from services.candidates.stages.order_scorer import OrderScorer
from services.candidates.stages.order_selector import OrderSelector
from services.candidates.stages.query_resolver import QueryResolver
from services.candidates.stages.scenario_filter import ScenarioFilter
from services.candidates.stages.scenario_liking import ScenarioLiking
from services.candidates.stages.score_selector import ScoreSelector
from services.candidates.stages.similar_by_behaviour_source import SimilarByBehaviourSource
from services.candidates.stages.similar_by_text_source import SimilarByTextSource
from services.candidates.stages.similar_by_vector_source import SimilarByVectorSource
from services.candidates.stages.similarity_scorer import SimilarityScorer
from services.candidates.stages.source_scorer import SourceScorer
from services.candidates.stages.source_threads import run_here
from services.candidates.stages.unavailable_filter import UnavailableFilter
from services.candidates.stages.unscored_fallback import UnscoredFallback
from services.candidates.stages.user_encoder import UserEncoder
from services.candidates.stages.user_vector import UserVectorCall, UserVectorWait
from services.core.inference import Inference
from services.core.item_index import ItemIndex
from services.core.pipeline.chain import Chain, OptionalHydrator, ScorerWithFallback
from services.core.pipeline.roles import Observer, QueryHydrator, Source
from services.core.pipeline.runner import Pipeline
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.popularity import PopularitySource
from services.core.sources.sequence import SequenceSource
from services.core.text_encoder_files import TUNED_TEXT_ENCODER
from services.plumbing.text.text_encoder import TextEncoder

GENERATE, HYDRATE, SIMILAR = "candidates", "hydrate_candidates", "similar_items"
NO_SOURCE_SCORES = "no_source_scores"
NO_USER_VECTOR = "no_user_vector"


class PipelineBuilder:
    """Builds the pipelines of a bundle, and those that serve while there is none."""

    def __init__(
        self,
        replica: CatalogReplica,
        texts: TextIndex,
        words: Words,
        triton: Inference,
        observers: dict[str, Observer],
        source_budget_seconds: float,
    ) -> None:
        """observers: by pipeline name, GENERATE, HYDRATE and SIMILAR."""
        self._replica = replica
        self._texts = texts
        self._words = words
        self._triton = triton
        self._observers = observers
        self._budget_seconds = source_budget_seconds

    def of_bundle(self, bundle: CandidateBundle, run: Run) -> BundlePipelines:
        """Return the pipelines of a bundle, whose sources compute where `run` lets them."""
        aligned = AlignedCatalog(bundle.index)
        call = self._user_vector_call(bundle)
        newcomers = _newcomers(bundle) if call is not None else None
        reader = HistoryReader(bundle.index, bundle.max_history, run, _stand_ins(bundle, newcomers))
        resolver = QueryResolver(reader, aligned, self._replica, user_vectors=call)
        of_item = QueryResolver(reader, aligned, self._replica)
        audience = _audience(bundle)
        scenario = ScenarioLiking(self._texts, bundle.young)
        scorers = {
            name: SourceScorer(bundle.sources, self._observers[name], run, scenario, newcomers, audience)
            for name in (GENERATE, HYDRATE)
        }
        columns = scorers[GENERATE].columns
        waits = (OptionalHydrator(UserVectorWait(self._budget_seconds), NO_USER_VECTOR),) if call else ()
        proposing: tuple[Source, ...] = tuple(
            BundleSource(source, self._budget_seconds, run) for source in bundle.sources
        )
        if newcomers is not None:
            proposing = (*proposing, NewcomerSource(newcomers, scenario, self._budget_seconds))
        if audience is not None:
            proposing = (*proposing, AudienceSource(audience, self._budget_seconds))
        proposing = (*proposing, IntentSource(self._texts, self._words, self._budget_seconds, run))
        return BundlePipelines(
            version=bundle.version,
            sources=columns,
            generate=self._pipeline(
                GENERATE,
                (resolver,),
                (*proposing, FreshSource(self._budget_seconds)),
                _or_unscored(scorers[GENERATE]),
            ),
            hydrate=self._pipeline(
                HYDRATE,
                (resolver, *waits),
                (NamedSource(columns, self._budget_seconds),),
                _or_unscored(scorers[HYDRATE]),
            ),
            similar=self._similar(bundle, of_item, run),
            aligned=aligned,
            newcomers=newcomers,
            text_encoder=self._text_encoder(bundle),
        )

    def without_bundle(self) -> BundlePipelines:
        """Return the pipelines that know the catalog only: newest items first."""
        nothing = ItemIndex(np.array([""]))
        aligned = AlignedCatalog(nothing)
        resolver = QueryResolver(HistoryReader(nothing, 1, run_here), aligned, self._replica)
        fresh = FreshSource(self._budget_seconds)
        named = NamedSource((fresh.name,), self._budget_seconds)
        return BundlePipelines(
            version="",
            sources=(fresh.name,),
            generate=self._pipeline(GENERATE, (resolver,), (fresh,), ScorerWithFallback(OrderScorer())),
            hydrate=self._pipeline(HYDRATE, (resolver,), (named,), ScorerWithFallback(OrderScorer())),
            similar=None,
            aligned=aligned,
        )

    def _user_vector_call(self, bundle: CandidateBundle) -> UserVectorCall | None:
        model = bundle.user_encoder
        if model is None or not any(source.needs_user_vector for source in bundle.sources):
            return None
        return UserVectorCall(UserEncoder(self._triton, bundle.version, model, self._budget_seconds))

    def _text_encoder(self, bundle: CandidateBundle) -> TextEncoder | None:
        if bundle.text_tokens is None:
            return None
        return TextEncoder(self._triton, bundle.text_tokens, TUNED_TEXT_ENCODER, bundle.version)

    def _similar(self, bundle: CandidateBundle, resolver: QueryResolver, run: Run) -> Pipeline:
        neighbours, vectors = bundle.source(ItemKnnSource.name), bundle.source(SequenceSource.name)
        neighbours = neighbours if isinstance(neighbours, ItemKnnSource) else None
        vectors = vectors if isinstance(vectors, SequenceSource) else None
        sources: list[Source] = []
        if neighbours is not None:
            sources.append(SimilarByBehaviourSource(neighbours, self._budget_seconds))
        if vectors is not None:
            sources.append(SimilarByVectorSource(vectors, self._budget_seconds, run))
        sources.append(SimilarByTextSource(self._texts, self._budget_seconds))
        chain = Chain(
            name=SIMILAR,
            query_hydrators=(resolver,),
            sources=tuple(sources),
            candidate_hydrators=(),
            filters=(ExcludedFilter(), UnavailableFilter(), ScenarioFilter(), CategoryFilter()),
            scorers=(ScorerWithFallback(SimilarityScorer(neighbours, vectors, self._texts)),),
            selector=ScoreSelector(),
        )
        return Pipeline(chain, self._observers[SIMILAR])

    def _pipeline(
        self,
        name: str,
        hydrators: tuple[QueryHydrator | OptionalHydrator, ...],
        sources: tuple[Source, ...],
        scorer: ScorerWithFallback,
    ) -> Pipeline:
        # Which items are to be ranked, their caller has chosen.
        narrowing = () if name == HYDRATE else (ScenarioFilter(), CategoryFilter())
        chain = Chain(
            name=name,
            query_hydrators=hydrators,
            sources=sources,
            candidate_hydrators=(),
            filters=(ExcludedFilter(), UnavailableFilter(), *narrowing, CountFilter()),
            scorers=(scorer,),
            selector=OrderSelector(),
            immediate=frozenset(
                stage.name for stage in (*sources, scorer.scorer) if getattr(stage, "is_immediate", False)
            ),
        )
        return Pipeline(chain, self._observers[name])


def _or_unscored(scorer: SourceScorer) -> ScorerWithFallback:
    return ScorerWithFallback(scorer, UnscoredFallback(len(scorer.columns)), NO_SOURCE_SCORES)


def _newcomers(bundle: CandidateBundle) -> Newcomers | None:
    sequence = bundle.source(SequenceSource.name)
    if bundle.content_map is None or not isinstance(sequence, SequenceSource):
        return None
    return Newcomers(bundle.content_map, sequence.item_vectors[1:])


def _audience(bundle: CandidateBundle) -> AudienceScores | None:
    popularity = bundle.source(PopularitySource.name)
    if bundle.audience is None or not isinstance(popularity, PopularitySource):
        return None
    return AudienceScores(bundle.audience, popularity)


def _stand_ins(bundle: CandidateBundle, newcomers: Newcomers | None) -> StandIns | None:
    sequence = bundle.source(SequenceSource.name)
    if newcomers is None or not isinstance(sequence, SequenceSource):
        return None
    return StandIns(newcomers, sequence.item_vectors)
