"""Small stages to build chains of: each does what its arguments say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import Chain, ScorerWithFallback
from services.core.pipeline.roles import Outcome
from services.core.query import Query


def make_query(count: int = 3, seconds: float = 1.0) -> Query:
    deadline = asyncio.get_running_loop().time() + seconds
    return Query("default", "r", "u", "movies/home", count, deadline)


def make_set(*item_ids: str, **columns: Any) -> CandidateSet:
    ids = np.empty(len(item_ids), np.object_)
    ids[:] = item_ids
    return CandidateSet(
        ids, (), np.zeros(len(ids), np.uint32), {name: np.asarray(values) for name, values in columns.items()}
    )


@dataclass
class Recorder:
    """An observer that keeps what it hears."""

    ran: list[tuple[str, str]] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    removals: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, role: str, stage: str) -> Iterator[None]:
        try:
            yield
        finally:
            self.ran.append((role, stage))

    def proposed(self, source: str, status: str, count: int) -> None:
        self.outcomes[source] = f"{status} {count}"

    def removed(self, stage: str, count: int) -> None:
        self.removals[stage] = count

    def answered(self, *, in_full: bool) -> None:
        self.answers.append(in_full)

    def degraded(self, reason: str) -> None:
        self.reasons.append(reason)

    def failed(self, stage: str, error: BaseException) -> None:
        self.failures.append(stage)


@dataclass
class Named:
    name: str
    applies: bool = True
    error: Exception | None = None
    requires: frozenset[str] = frozenset()
    provides: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:
        return self.applies

    def fail(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class Learns(Named):
    count: int = 3

    async def hydrate_query(self, query: Query) -> Query:
        self.fail()
        return replace(query, count=self.count)


@dataclass
class Proposes(Named):
    candidates: CandidateSet = field(default_factory=lambda: make_set("a", "b", "c"))
    delay_seconds: float = 0.0
    budget_seconds: float = 0.05

    async def propose(self, query: Query) -> CandidateSet:
        self.fail()
        await asyncio.sleep(self.delay_seconds)
        return self.candidates


@dataclass
class Fills(Named):
    columns: Mapping[str, Column] = field(default_factory=dict)

    async def hydrate(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        self.fail()
        return self.columns


@dataclass
class Removes(Named):
    item_ids: tuple[str, ...] = ()
    mask: NDArray[Any] | None = None

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        self.fail()
        return ~np.isin(candidates.item_ids, self.item_ids) if self.mask is None else self.mask


@dataclass
class Scores(Named):
    provides: frozenset[str] = frozenset({"score"})
    columns: Mapping[str, Column] | None = None
    delay_seconds: float = 0.0

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        self.fail()
        await asyncio.sleep(self.delay_seconds)
        return {"score": np.arange(len(candidates), 0.0, -1)} if self.columns is None else self.columns


@dataclass
class Selects(Named):
    order: list[int] | None = None

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        self.fail()
        return np.arange(min(query.count, len(candidates))) if self.order is None else np.array(self.order, np.intp)


@dataclass
class Notes(Named):
    seen: list[Outcome] = field(default_factory=list)

    async def after(self, outcome: Outcome) -> None:
        self.seen.append(outcome)
        self.fail()


def make_chain(**roles: Any) -> Chain:
    """A chain that works, with the roles given replaced."""
    parts: dict[str, Any] = {
        "name": "tested",
        "query_hydrators": (),
        "sources": (Proposes("popular"),),
        "candidate_hydrators": (),
        "filters": (),
        "scorers": (ScorerWithFallback(Scores("ranker")),),
        "selector": Selects("top"),
    }
    return Chain(**{**parts, **roles})
