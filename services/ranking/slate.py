"""The slate, and its making: the pipeline, then the words for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.core.pipeline.roles import Outcome
from services.core.pipeline.runner import Pipeline
from services.core.query import Query
from services.plumbing.bundle_watcher import LoadedBundles
from services.plumbing.deadlines import seconds_left
from services.plumbing.tracing import annotate
from services.ranking.ranking_bundle import RankingBundle
from services.ranking.reasons import Reasons


@dataclass(frozen=True, slots=True)
class Slate:
    """An answer.

    Attributes:
        outcome: Its items in order, and how they came about.
        reasons: One line an item.
        heads: Names of the columns of the items' "predictions".
        policy: Name of the policy that arranged it.
    """

    outcome: Outcome
    reasons: list[str]
    heads: tuple[str, ...]
    policy: str


class SlateMaker:
    """Makes slates with one pipeline."""

    def __init__(
        self, pipeline: Pipeline, bundles: LoadedBundles[RankingBundle], reasons: Reasons, policy: str
    ) -> None:
        self._pipeline = pipeline
        self._bundles = bundles
        self._reasons = reasons
        self._policy = policy

    async def make(self, query: Query) -> Slate:
        """Answer a query from one of the bundles that are loaded now.

        Raises:
            TimeoutError: The query's deadline has passed before anything was done.
        """
        if seconds_left(query.deadline) <= 0:
            raise TimeoutError
        outcome = await self._pipeline.run(replace(query, bundle_versions=self._bundles.versions))
        annotate("trommel.bundle_version", outcome.selected.bundle_version)
        bundle = self._bundles.get(outcome.selected.bundle_version)
        return Slate(
            outcome=outcome,
            reasons=self._reasons.of(outcome, bundle),
            heads=bundle.ranker.heads if bundle is not None else (),
            policy=self._policy,
        )
