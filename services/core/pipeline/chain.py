"""The chain: the stages of one pipeline in their order, checked when it is built."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.pipeline.roles import (
    CandidateHydrator,
    Filter,
    QueryHydrator,
    Scorer,
    Selector,
    SideEffect,
    Source,
    Stage,
)

SCORE = "score"


class ChainError(Exception):
    """The stages do not fit together; the text names the stage and what it lacks."""


@dataclass(frozen=True, slots=True)
class OptionalHydrator:
    """A query hydrator that an answer can do without: when it fails, the query goes on as it was, with the reason."""

    hydrator: QueryHydrator
    degraded_reason: str


@dataclass(frozen=True, slots=True)
class FallbackSource:
    """A source that steps in when every other source failed or was late, and the reason the answer then carries."""

    source: Source
    degraded_reason: str


@dataclass(frozen=True, slots=True)
class ScorerWithFallback:
    """A scorer and the named one that steps in when it fails, with the reason the answer then carries."""

    scorer: Scorer
    fallback: Scorer | None = None
    degraded_reason: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Stages by role. Raises ChainError when a stage reads a column that no stage before it provides.

    Attributes:
        immediate: Names of sources and scorers that compute at once and never wait. The runner spares them the task
            and the timer that bound the others: neither can stop what does not wait. Where but one source waits, it
            goes after them; what it waits for is best begun by a query hydrator.
    """

    name: str
    query_hydrators: tuple[QueryHydrator | OptionalHydrator, ...]
    sources: tuple[Source, ...]
    candidate_hydrators: tuple[CandidateHydrator, ...]
    filters: tuple[Filter, ...]
    scorers: tuple[ScorerWithFallback, ...]
    selector: Selector
    side_effects: tuple[SideEffect, ...] = ()
    fallback_source: FallbackSource | None = None
    immediate: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._check_names()
        if not self.sources:
            raise ChainError(f"pipeline {self.name} has no source")
        sources = (*self.sources, *([self.fallback_source.source] if self.fallback_source else []))
        known = frozenset.intersection(*(source.provides for source in sources))
        for hydrator in self.candidate_hydrators:
            known = self._feed(hydrator, hydrator.requires, known) | hydrator.provides
        for stage in self.filters:
            self._feed(stage, stage.requires, known)
        for entry in self.scorers:
            provided = entry.scorer.provides
            self._feed(entry.scorer, entry.scorer.requires, known)
            if entry.fallback is not None:
                self._feed(entry.fallback, entry.fallback.requires, known)
                if not entry.degraded_reason:
                    raise ChainError(f"{self.name}: fallback {entry.fallback.name} needs a degraded_reason")
                provided &= entry.fallback.provides
            known |= provided
        if SCORE not in known:
            raise ChainError(f"pipeline {self.name}: no scorer provides the column {SCORE!r}")
        self._feed(self.selector, self.selector.requires, known)

    def _feed(self, stage: Stage, requires: frozenset[str], known: frozenset[str]) -> frozenset[str]:
        missing = sorted(requires - known)
        if missing:
            raise ChainError(
                f"pipeline {self.name}: stage {stage.name} reads {', '.join(missing)}, "
                f"which no stage before it provides"
            )
        return known

    def _check_names(self) -> None:
        seen: set[str] = set()
        for stage in self.stages():
            if stage.name in seen:
                raise ChainError(f"pipeline {self.name} has two stages named {stage.name}")
            seen.add(stage.name)

    def stages(self) -> tuple[Stage, ...]:
        """All stages in the order in which they run."""
        hydrators: list[Stage] = [
            entry.hydrator if isinstance(entry, OptionalHydrator) else entry for entry in self.query_hydrators
        ]
        fallback_sources: list[Stage] = [self.fallback_source.source] if self.fallback_source else []
        scorers: list[Stage] = []
        for entry in self.scorers:
            scorers.append(entry.scorer)
            if entry.fallback is not None:
                scorers.append(entry.fallback)
        return (
            *hydrators,
            *self.sources,
            *fallback_sources,
            *self.candidate_hydrators,
            *self.filters,
            *scorers,
            self.selector,
            *self.side_effects,
        )
