"""The seven roles of a stage. A role's method returns only what the role may change; the runner applies it.

QueryHydrator → Source (in parallel) → CandidateHydrator → Filter → Scorer → Selector → SideEffect

Every stage has a `name` (its label in metrics and errors) and says by `enabled(query)` whether it applies. What a
stage reads and writes in the candidates' columns it declares in `requires` and `provides`; the chain is checked once,
when the pipeline is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet, Column
from services.core.query import Query


class Stage(Protocol):
    """What all stages share."""

    @property
    def name(self) -> str:
        """Label in metrics, errors and removal counts: lower_snake_case, unique in the pipeline."""
        ...

    def enabled(self, query: Query) -> bool:
        """Whether the stage applies to this query."""
        ...


class QueryHydrator(Stage, Protocol):
    """Learns more about the query."""

    async def hydrate_query(self, query: Query) -> Query:
        """Return a copy of the query that knows more."""
        ...


class Source(Stage, Protocol):
    """Proposes candidates. Sources run side by side, each within `budget_seconds`."""

    @property
    def budget_seconds(self) -> float:
        """Time after which the source counts as late and the answer goes on without it."""
        ...

    @property
    def provides(self) -> frozenset[str]:
        """Columns that its candidates carry."""
        ...

    async def propose(self, query: Query) -> CandidateSet:
        """Return candidates, best first, with the columns it provides."""
        ...


class CandidateHydrator(Stage, Protocol):
    """Fills columns; keeps length and order."""

    @property
    def requires(self) -> frozenset[str]:
        """Columns it reads."""
        ...

    @property
    def provides(self) -> frozenset[str]:
        """Columns it fills."""
        ...

    async def hydrate(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return the provided columns, each as long as the candidates."""
        ...


class Filter(Stage, Protocol):
    """Moves candidates out; its name is the reason."""

    @property
    def requires(self) -> frozenset[str]:
        """Columns it reads."""
        ...

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return a mask [C], True for candidates that stay."""
        ...


class Scorer(Stage, Protocol):
    """Gives every candidate finite scores."""

    @property
    def requires(self) -> frozenset[str]:
        """Columns it reads."""
        ...

    @property
    def provides(self) -> frozenset[str]:
        """Columns it fills, "score" among them in the last scorer."""
        ...

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return the provided columns: finite floats, one row a candidate."""
        ...


class Selector(Stage, Protocol):
    """Orders and cuts."""

    @property
    def requires(self) -> frozenset[str]:
        """Columns it reads."""
        ...

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        """Return at most query.count distinct indexes into the candidates, best first."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How one source fared: status is answered, late, failed or disabled."""

    source: str
    status: str
    candidate_count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the pipeline came to.

    Attributes:
        query: The query with all that was learned of it.
        selected: The slate, in order.
        scored_count: Candidates that reached the scorers.
        removed: Candidates removed, by reason.
        source_outcomes: One a source.
        degraded_reasons: Why the answer is less than it could be; empty for a full one.
    """

    query: Query
    selected: CandidateSet
    scored_count: int
    removed: Mapping[str, int]
    source_outcomes: tuple[SourceOutcome, ...]
    degraded_reasons: tuple[str, ...]


class SideEffect(Stage, Protocol):
    """Sees the outcome and changes nothing of it."""

    async def after(self, outcome: Outcome) -> None:
        """Act on the finished outcome; must not wait for anything remote."""
        ...


class Observer(Protocol):
    """Is around each stage and hears how it went; plumbing turns that into metrics and traces."""

    def stage(self, role: str, stage: str) -> AbstractContextManager[None]:
        """Return what is entered around a stage; its errors pass through."""
        ...

    def proposed(self, source: str, status: str, count: int) -> None:
        """A source has answered, was late, failed or was disabled."""
        ...

    def removed(self, stage: str, count: int) -> None:
        """A filter removed candidates."""
        ...

    def answered(self, *, in_full: bool) -> None:
        """An answer is made; not in full where something degraded it."""
        ...

    def degraded(self, reason: str) -> None:
        """The answer is less than it could be."""
        ...

    def failed(self, stage: str, error: BaseException) -> None:
        """A stage failed; the answer goes on without it where it can."""
        ...
