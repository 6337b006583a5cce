"""The runner: it alone knows order, deadlines, timing, counts and errors, and holds each role to its one right."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import Chain, OptionalHydrator, ScorerWithFallback
from services.core.pipeline.merge import merge
from services.core.pipeline.roles import Filter, Observer, Outcome, QueryHydrator, Scorer, Source, SourceOutcome
from services.core.query import Query

ANSWERED, LATE, FAILED, DISABLED = "answered", "late", "failed", "disabled"


class StageError(Exception):
    """A stage broke its role's promise; the text names the stage and the promise."""


class Pipeline:
    """Runs a chain of stages for one query at a time; safe for many queries at once."""

    def __init__(self, chain: Chain, observer: Observer) -> None:
        self._chain = chain
        self._observer = observer

    async def run(self, query: Query) -> Outcome:
        """Run all stages.

        A failed or late source degrades the answer, and so does a failed optional hydrator; a failed scorer is
        replaced by its fallback, and so are the sources when none of them answered. Anything else that fails raises
        what the stage raised.
        """
        degraded: list[str] = []
        for entry in self._chain.query_hydrators:
            query = await self._hydrate_query(entry, query, degraded)
        candidates, outcomes = await self._propose(query, degraded)
        for hydrator in self._chain.candidate_hydrators:
            if hydrator.enabled(query):
                with self._observer.stage("candidate_hydrator", hydrator.name):
                    columns = await hydrator.hydrate(query, candidates)
                    candidates = _extended(hydrator.name, hydrator.provides, candidates, columns)
        removed: dict[str, int] = {}
        for stage in self._chain.filters:
            if stage.enabled(query) and len(candidates):
                candidates = await self._filter(stage, query, candidates, removed)
        scored_count = len(candidates)
        for scoring in self._chain.scorers:
            if scoring.scorer.enabled(query) and scored_count:
                candidates = await self._score(scoring, query, candidates, degraded)
        outcome = Outcome(
            query=query,
            selected=await self._select(query, candidates),
            scored_count=scored_count,
            removed=removed,
            source_outcomes=outcomes,
            degraded_reasons=tuple(dict.fromkeys(degraded)),
        )
        self._observer.answered(in_full=not outcome.degraded_reasons)
        for reason in outcome.degraded_reasons:
            self._observer.degraded(reason)
        await self._act(outcome)
        return outcome

    async def _hydrate_query(self, entry: QueryHydrator | OptionalHydrator, query: Query, degraded: list[str]) -> Query:
        hydrator = entry.hydrator if isinstance(entry, OptionalHydrator) else entry
        if not hydrator.enabled(query):
            return query
        try:
            with self._observer.stage("query_hydrator", hydrator.name):
                return await hydrator.hydrate_query(query)
        except Exception as error:
            self._observer.failed(hydrator.name, error)
            if not isinstance(entry, OptionalHydrator):
                raise
            degraded.append(entry.degraded_reason)
            return query

    async def _propose(self, query: Query, degraded: list[str]) -> tuple[CandidateSet, tuple[SourceOutcome, ...]]:
        """Run the enabled sources side by side; merge what came in time."""
        sources = self._chain.sources
        results = await self._propose_all(query)
        outcomes = tuple(outcome for _, outcome in results)
        fallback = self._chain.fallback_source
        if fallback is not None and not any(outcome.status == ANSWERED for outcome in outcomes):
            # One reason says it all: the answer stands on the fallback.
            degraded.append(fallback.degraded_reason)
            self._observe_sources(outcomes, [])
            # What stands in must answer even when all the time went into waiting: it has a budget of its own.
            due = asyncio.get_running_loop().time() + fallback.source.budget_seconds
            result = await self._propose_one(fallback.source, query, due)
            sources, results = (fallback.source,), [result]
            self._observe_sources((results[0][1],), degraded)
            outcomes = (*outcomes, results[0][1])
        else:
            self._observe_sources(outcomes, degraded)
        with self._observer.stage("merge", "merge"):
            merged = merge([source.name for source in sources], [proposal for proposal, _ in results])
        degraded.extend(merged.degraded_reasons)
        return merged, outcomes

    async def _propose_all(self, query: Query) -> list[tuple[CandidateSet | None, SourceOutcome]]:
        """Start the sources that wait, let the others compute meanwhile, then take what came in time.

        A lone source that waits needs no task: it goes last, in the time that was its own from the start.
        """
        sources, immediate = self._chain.sources, self._chain.immediate
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = {
            source.name: min(now + source.budget_seconds, max(now, query.deadline))
            for source in sources
            if source.name not in immediate and source.enabled(query)
        }
        tasks: dict[str, asyncio.Task[tuple[CandidateSet | None, SourceOutcome]]] = {}
        try:
            if len(due) > 1:
                for source in sources:
                    if source.name in due:
                        tasks[source.name] = loop.create_task(self._propose_one(source, query, due[source.name]))
                # One turn of the loop: they go as far as they get without waiting.
                await asyncio.sleep(0)
            results = {
                source.name: await self._propose_one(source, query, None)
                for source in sources
                if source.name not in due
            }
            for source in sources:
                if source.name in tasks:
                    results[source.name] = await tasks[source.name]
                elif source.name in due:
                    results[source.name] = await self._propose_one(source, query, due[source.name])
        finally:
            for task in tasks.values():
                task.cancel()
        return [results[source.name] for source in sources]

    def _observe_sources(self, outcomes: tuple[SourceOutcome, ...], degraded: list[str]) -> None:
        for outcome in outcomes:
            self._observer.proposed(outcome.source, outcome.status, outcome.candidate_count)
            if outcome.status in (LATE, FAILED):
                degraded.append(f"source_{outcome.source}_{outcome.status}")

    async def _propose_one(
        self, source: Source, query: Query, due: float | None
    ) -> tuple[CandidateSet | None, SourceOutcome]:
        """Ask one source, which is late after `due` on the loop's clock; None is for one that never waits."""
        if not source.enabled(query):
            return None, SourceOutcome(source.name, DISABLED)
        try:
            with self._observer.stage("source", source.name):
                if due is None:
                    proposal = await source.propose(query)
                else:
                    async with asyncio.timeout_at(due):
                        proposal = await source.propose(query)
                missing = source.provides - proposal.columns.keys()
                if missing and len(proposal):
                    raise StageError(f"source {source.name} did not fill {', '.join(sorted(missing))}")
        except TimeoutError:
            return None, SourceOutcome(source.name, LATE)
        except Exception as error:  # noqa: BLE001 - one failed source must not fail the answer; it is counted and told
            self._observer.failed(source.name, error)
            return None, SourceOutcome(source.name, FAILED)
        return proposal, SourceOutcome(source.name, ANSWERED, len(proposal))

    async def _filter(
        self, stage: Filter, query: Query, candidates: CandidateSet, removed: dict[str, int]
    ) -> CandidateSet:
        with self._observer.stage("filter", stage.name):
            mask = await stage.keep(query, candidates)
            if mask.shape != (len(candidates),) or mask.dtype != np.bool_:
                raise StageError(f"filter {stage.name} gave a mask of {mask.dtype} {mask.shape}")
            count = len(candidates) - int(np.count_nonzero(mask))
            if count:
                removed[stage.name] = count
                self._observer.removed(stage.name, count)
                candidates = candidates.take(mask)
        return candidates

    async def _score(
        self, entry: ScorerWithFallback, query: Query, candidates: CandidateSet, degraded: list[str]
    ) -> CandidateSet:
        try:
            left = max(0.0, query.deadline - asyncio.get_running_loop().time())
            return await self._score_with(entry.scorer, query, candidates, left)
        except Exception as error:
            self._observer.failed(entry.scorer.name, error)
            if entry.fallback is None:
                raise
        degraded.append(entry.degraded_reason)
        # The scorer may have used up the time; its stand-in, which waits for nothing remote, is not bounded by it.
        return await self._score_with(entry.fallback, query, candidates, None)

    async def _score_with(
        self, scorer: Scorer, query: Query, candidates: CandidateSet, budget_seconds: float | None
    ) -> CandidateSet:
        with self._observer.stage("scorer", scorer.name):
            if budget_seconds is None or scorer.name in self._chain.immediate:
                columns = await scorer.score(query, candidates)
            else:
                async with asyncio.timeout(budget_seconds):
                    columns = await scorer.score(query, candidates)
            for name, column in columns.items():
                if not np.all(np.isfinite(column)):
                    raise StageError(f"scorer {scorer.name} gave values in {name} that are not finite")
            return _extended(scorer.name, scorer.provides, candidates, columns)

    async def _select(self, query: Query, candidates: CandidateSet) -> CandidateSet:
        selector = self._chain.selector
        if not len(candidates):
            return candidates
        with self._observer.stage("selector", selector.name):
            order = await selector.select(query, candidates)
            keeps_all = len(order) == len(candidates) and bool((order == np.arange(len(order))).all())
            if len(order) > query.count or not (keeps_all or _are_distinct(order, len(candidates))):
                raise StageError(f"selector {selector.name} gave {len(order)} indexes for {query.count} places")
        return candidates if keeps_all else candidates.take(order)

    async def _act(self, outcome: Outcome) -> None:
        for side_effect in self._chain.side_effects:
            if side_effect.enabled(outcome.query):
                try:
                    with self._observer.stage("side_effect", side_effect.name):
                        await side_effect.after(outcome)
                except Exception as error:  # noqa: BLE001 - the slate is made; what follows it may not undo it
                    self._observer.failed(side_effect.name, error)


def _are_distinct(indexes: NDArray[np.intp], length: int) -> bool:
    """Whether the indexes lie in 0..length-1, each there once."""
    if not len(indexes):
        return True
    return bool(indexes.min() >= 0 and indexes.max() < length and np.bincount(indexes).max() == 1)


def _extended(
    stage: str, provides: frozenset[str], candidates: CandidateSet, columns: Mapping[str, Column]
) -> CandidateSet:
    """Add a stage's columns, if they are exactly the ones it declared and of the right length."""
    if columns.keys() != provides:
        raise StageError(f"stage {stage} declared {sorted(provides)} and filled {sorted(columns)}")
    try:
        return candidates.with_columns(columns)
    except ValueError as error:
        raise StageError(f"stage {stage}: {error}") from error
