"""How much CPU one GenerateCandidates costs the candidates process, outside Triton and gRPC.

    python benchmarks/candidates_latency.py [--items 1682] [--count 500] [--history 100] [--excluded 200]
        [--exact]

It runs what the servicer runs (validation, conversion, the whole pipeline, conversion, serialisation) on a bundle of
random numbers in the sizes of MovieLens-100K. In Triton's place a vector is given back at once.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import uvloop
from numpy.typing import NDArray
from trommel.candidates.v1 import candidates_pb2 as pb
from usearch.index import Index

from services.candidates.bundles.candidate_bundle import CandidateBundle
from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.text_index import TextIndex
from services.candidates.chains import GENERATE, HYDRATE, SIMILAR, PipelineBuilder
from services.candidates.converters.answers import fill_candidates, outcome_messages
from services.candidates.converters.queries import query_to_generate
from services.candidates.stages.resolved_query import resolved
from services.candidates.stages.source_threads import run_here
from services.core.bundle import ModelEntry
from services.core.item_index import ItemIndex
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.matrix_factors import MatrixFactorsSource
from services.core.sources.popularity import PopularitySource
from services.core.sources.sequence import SequenceSource
from services.plumbing.pipeline_observer import PrometheusObserver
from services.plumbing.text.text_encoder import TextEncoderFolder
from services.plumbing.usearch_index import UsearchIndex
from services.plumbing.validation import validate

VECTOR_SIZE, FACTORS, NEIGHBOURS, GENRES = 64, 64, 200, 19


class InstantTriton:
    """Gives a vector back at once."""

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str, timeout_seconds: float
    ) -> NDArray[np.float32]:
        """Return float32 [1, D]."""
        return np.full((1, VECTOR_SIZE), 0.1, np.float32)


class Nothing:
    """What items say."""

    async def of(self, item_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return no vectors."""
        return {}

    async def named_by(self, phrase: str, item_count: int) -> dict[str, float]:
        """Return no shares."""
        return {}


class Items:
    """A catalog of that many items, each in two of the genres."""

    def __init__(self, count: int) -> None:
        self.changes = [
            ItemChange(
                n,
                str(n),
                f"Film number {n} (1995)",
                (f"genre {n % GENRES}", f"genre {(n * 7 + 1) % GENRES}"),
                created_at=n,
            )
            for n in range(1, count + 1)
        ]

    async def newest_revision(self) -> int:
        """Return the last revision."""
        return self.changes[-1].revision

    async def changes_after(self, revision: int) -> list[ItemChange]:
        """Return all at once."""
        return [] if revision else self.changes


def make_bundle(count: int, random: np.random.Generator, exact: bool = False) -> CandidateBundle:
    """Return a bundle of random numbers; `exact` compares all item vectors instead of asking the index."""
    vectors = random.normal(size=(count + 1, VECTOR_SIZE)).astype(np.float32)
    vectors[0] = 0
    factors = random.normal(size=(count + 1, FACTORS), scale=0.1).astype(np.float32)
    neighbours = random.integers(1, count + 1, (count + 1, NEIGHBOURS)).astype(np.int32)
    index = Index(ndim=VECTOR_SIZE, metric="ip", dtype="f32")
    index.add(np.arange(1, count + 1), vectors[1:])
    index.expansion_search = 128
    popularity = random.normal(size=count + 1).astype(np.float32)
    popularity[0] = -np.inf
    return CandidateBundle(
        "20240101000000",
        ItemIndex(np.array(["", *map(str, range(1, count + 1))])),
        (
            PopularitySource(popularity),
            ItemKnnSource(neighbours, random.random((count + 1, NEIGHBOURS)).astype(np.float32)),
            MatrixFactorsSource(factors, factors.T @ factors, 1.0, 10.0),
            SequenceSource(vectors, None if exact else UsearchIndex(index)),
        ),
        ModelEntry("", (), (), 200, (16, 32, 64, 128, 200), vector_size=VECTOR_SIZE),
        200,
    )


async def measure(arguments: argparse.Namespace) -> None:
    """Print the CPU time of one request, in milliseconds."""
    random = np.random.default_rng(0)
    replica = CatalogReplica(Items(arguments.items))
    await replica.refresh()
    observers = {name: PrometheusObserver(name) for name in (GENERATE, HYDRATE, SIMILAR)}
    texts = TextIndex(Nothing(), TextEncoderFolder(Path("none"), InstantTriton()))
    builder = PipelineBuilder(replica, texts, Nothing(), InstantTriton(), observers, source_budget_seconds=1.0)
    pipelines = builder.of_bundle(make_bundle(arguments.items, random, arguments.exact), run_here)
    ids = random.permutation(np.arange(1, arguments.items + 1)).astype(str).tolist()
    wire = pb.GenerateCandidatesRequest(
        user_id="u",
        count=arguments.count,
        history=pb.History(item_ids=ids[: arguments.history], event_times_microseconds=range(1, arguments.history + 1)),
        filter=pb.ItemFilter(excluded_item_ids=ids[: arguments.excluded]),
    ).SerializeToString()

    async def answer() -> pb.GenerateCandidatesResponse:
        request = pb.GenerateCandidatesRequest.FromString(wire)
        validate(request)
        query = query_to_generate(request, "default", asyncio.get_running_loop().time() + 1.0)
        outcome = await pipelines.generate.run(query)
        response = pb.GenerateCandidatesResponse(
            bundle_version=pipelines.version, source_outcomes=outcome_messages(outcome.source_outcomes)
        )
        catalog = resolved(outcome.query).view.catalog
        fill_candidates(response.candidates, outcome.selected, pipelines.sources, catalog, packed=True)
        return response

    response = await answer()
    for _ in range(50):
        await answer()
    times = []
    for _ in range(arguments.rounds):
        began = time.process_time()
        (await answer()).SerializeToString()
        times.append(time.process_time() - began)
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    print(
        f"{arguments.items} items, {arguments.history} in the history, {arguments.excluded} excluded, "
        f"{len(response.candidates.item_ids)} candidates: p50 {p50:.2f} ms, p99 {p99:.2f} ms CPU"
    )


def main() -> None:
    """Parse the sizes and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("items", 1682), ("count", 500), ("history", 100), ("excluded", 200), ("rounds", 500)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--exact", action="store_true", help="compare all item vectors instead of asking the index")
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
