"""A bundle of 200 items on a circle, a catalog over them, and pipelines, all in memory: item n is near n ± 1."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.text_index import TextIndex
from services.candidates.chains import GENERATE, HYDRATE, SIMILAR, PipelineBuilder
from services.candidates.pipelines import BundlePipelines
from services.candidates.stages.bundle_source import Run
from services.candidates.stages.source_threads import run_here
from services.core.audience import Audience
from services.core.bundle import read_manifest
from services.core.content_map import ContentMap
from services.core.content_space import CATEGORIES, ContentSpace, ItemContent
from services.core.cooccurrence import Cooccurrence
from services.core.errors import UnavailableError
from services.core.query import History, Query
from services.core.sources.popularity import PopularitySource
from services.core.sources.registry import load_sources
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History as SourceHistory
from services.core.young_scenarios import YoungScenarios
from services.plumbing.text.text_encoder import TextEncoderFolder
from tests.bundle_maker import SOURCE_NAMES, make_bundle
from tests.unit.core.pipeline.stages import Recorder

VERSION = "20240101000000"
ITEM_COUNT = 200
NOBODY = SourceHistory.of(np.empty(0, np.int32))


@dataclass
class Triton:
    """The user encoder of the synthetic bundle: the mean of the history's vectors. Or it is away, or slow."""

    vectors: NDArray[np.float32]
    away: bool = False
    delay_seconds: float = 0.0
    versions: list[str] = field(default_factory=list)

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str, timeout_seconds: float
    ) -> NDArray[np.float32]:
        self.versions.append(version)
        if self.away:
            raise UnavailableError("away")
        async with asyncio.timeout(timeout_seconds):
            await asyncio.sleep(self.delay_seconds)
        rows = inputs["history_items"][0].astype(int)
        return self.vectors[rows[rows > 0]].mean(axis=0)[np.newaxis]


@dataclass
class Feed:
    """What the catalog holds."""

    changes: list[ItemChange]

    async def newest_revision(self) -> int:
        return max((change.revision for change in self.changes), default=0)

    async def changes_after(self, revision: int) -> list[ItemChange]:
        return [change for change in self.changes if change.revision > revision]


@dataclass
class World:
    pipelines: BundlePipelines
    without_bundle: BundlePipelines
    replica: CatalogReplica
    feed: Feed
    triton: Triton
    recorder: Recorder
    said: Texts
    texts: TextIndex

    async def change(self, item_id: str, **columns: Any) -> None:
        """Change one item of the catalog."""
        columns = {"title": f"Film {item_id}", "categories": categories_of(item_id), **columns}
        self.feed.changes.append(ItemChange(await self.feed.newest_revision() + 1, item_id, **columns))
        await self.replica.refresh()


def categories_of(item_id: str) -> tuple[str, ...]:
    """Every third item is a comedy, every tenth a war film; many are neither."""
    number = int(item_id) if item_id.isdigit() else 0
    return (*(["comedy"] if number % 3 == 0 else []), *(["war"] if number % 10 == 0 else []))


def content_map_of(vectors: NDArray[np.float32], factors: NDArray[np.float32] | None = None) -> ContentMap:
    """The category "at-n" maps to where item n lies, and is taken together with what that one is taken with."""
    count = len(vectors) - 1
    space = ContentSpace({}, tuple(f"at-{row}" for row in range(1, count + 1)), {}, {CATEGORIES: 1.0})
    basis, users = np.eye(count, dtype=np.float32), vectors[1:]
    if factors is None:
        return ContentMap(space, basis, vectors[1:], np.zeros_like(vectors[0]), 40.0, users)
    both = np.concatenate([vectors, factors], axis=1)[1:]
    mean, covariance = np.zeros_like(both[0]), np.cov(both, rowvar=False).astype(np.float32)
    return ContentMap(
        space, basis, both, mean, 40.0, users, Cooccurrence(factors, 4.0, mean, covariance, np.ones_like(factors[1:]))
    )


@dataclass
class Contents:
    """What is known of items besides their ids."""

    of_item: dict[str, ItemContent] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        self.asked += item_ids
        return [self.of_item.get(item_id, ItemContent()) for item_id in item_ids]


@dataclass
class Texts:
    """What items say, as vectors."""

    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    async def of(self, item_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return {item_id: self.vectors[item_id] for item_id in item_ids if item_id in self.vectors}


class Words:
    """Which items name what is asked for: none."""

    async def named_by(self, phrase: str, item_count: int) -> dict[str, float]:
        return {}


async def make_world(
    store: Path,
    run: Run = run_here,
    budget_seconds: float = 0.5,
    sources: tuple[str, ...] = SOURCE_NAMES,
    *,
    with_content: bool = False,
    factors: NDArray[np.float32] | None = None,
    audience: Audience | None = None,
    young: YoungScenarios | None = None,
) -> World:
    path = store / VERSION
    if not path.exists():
        make_bundle(store, VERSION, item_count=ITEM_COUNT, sources=sources)
    bundle = load_candidate_bundle(path, read_manifest(path), exact_search_max_items=0)
    sequence = bundle.source("sequence")
    assert isinstance(sequence, SequenceSource)
    if with_content:
        bundle = replace(bundle, content_map=content_map_of(sequence.item_vectors, factors))
    bundle = replace(bundle, young=young)
    if audience is not None:
        # Counts, as training makes them; the synthetic bundle has their logarithms.
        popularity = PopularitySource(np.exp(load_sources(path, ["popularity"])["popularity"].score(NOBODY)))
        bundle = replace(bundle, audience=audience, sources=(popularity, *bundle.sources[1:]))
    feed = Feed(
        [ItemChange(n, str(n), f"Film {n}", categories_of(str(n)), created_at=n) for n in range(1, ITEM_COUNT + 1)]
    )
    replica, triton, recorder = CatalogReplica(feed), Triton(sequence.item_vectors), Recorder()
    await replica.refresh()
    said = Texts()
    texts = TextIndex(said, TextEncoderFolder(store / "text_encoder", triton))
    observers = dict.fromkeys((GENERATE, HYDRATE, SIMILAR), recorder)
    builder = PipelineBuilder(replica, texts, Words(), triton, observers, budget_seconds)
    pipelines = builder.of_bundle(bundle, run)
    return World(pipelines, builder.without_bundle(), replica, feed, triton, recorder, said, texts)


def make_query(count: int = 20, history: tuple[str, ...] = (), seconds: float = 5.0, **more: Any) -> Query:
    deadline = asyncio.get_running_loop().time() + seconds
    scenario = more.pop("scenario", "default")
    return Query("default", "", "u", scenario, count, deadline, history=History(history), **more)
