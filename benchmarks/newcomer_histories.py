"""How well users are served whose whole history is items that the bundle does not know.

    trommel evaluate movielens-100k --protocol cold-items --seed 101 --descriptions plots.jsonl --keep cold
    python benchmarks/newcomer_histories.py movielens-100k cold/VERSION --seed 101 --descriptions plots.jsonl

The bundle was trained without a tenth of the items. Each user's history is those alone; looked for is everything else
that the user took, among all items of the bundle. Known items stand in for the others, as in serving.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.candidates.bundles.newcomers import NewcomerTable
from services.candidates.bundles.stand_ins import StandIns
from services.candidates.stages.history_reader import newest_of_each
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.readers.descriptions import read_descriptions
from services.core.bundle import USER_ENCODER, read_array, read_manifest
from services.core.cascade import CANDIDATE_COUNT
from services.core.content_map import ContentMap
from services.core.history_events import FEATURES
from services.core.metrics import by_user
from services.core.metrics.means import with_standard_errors
from services.core.sources.popularity import PopularitySource
from services.core.sources.registry import load_sources
from services.core.sources.sequence import ITEM_VECTORS
from services.core.sources.source import History
from services.ranking.stages.candidate_scorer import fused_ranks
from services.training.cold_items import choose_cold
from services.training.steps.evaluate import features_of, merge, pad_lists, propose
from services.training.steps.examples import HeldOut, InteractionLog
from services.training.steps.served_lists import served_lists
from services.training.steps.without_items import without_items

_LIST = 100
_NOBODY = np.empty(0, np.int32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold-share", type=float, default=0.1)
    parser.add_argument("--descriptions", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    read = read_log(open_dataset(given.dataset, None))
    log = read.log.without_repeats()
    cold = choose_cold(log, given.cold_share, given.seed)
    warm = without_items(log, cold)
    # Of the cold items alone: nobody asks what the others say.
    wanted = set(log.item_ids[cold].tolist())
    told = read_descriptions(given.descriptions, read.items) if given.descriptions else {}
    told = {item_id: item for item_id, item in told.items() if item_id in wanted}
    contents = with_contents(read.log, {**read.items, **told}, None, given.threads).contents
    content_map = ContentMap.load(given.bundle)
    if content_map is None or contents is None:
        raise SystemExit("the bundle has no content map, or nothing is known of the items")
    table = NewcomerTable(
        np.arange(len(cold), dtype=np.int32),
        content_map.vectors([contents[row] for row in cold]),
        np.zeros(len(cold), np.float32),
    )
    stand_ins = StandIns(SimpleNamespace(table=table, width=content_map.width), read_array(given.bundle, ITEM_VECTORS))  # type: ignore[arg-type]

    is_cold = np.isin(log.rows, cold)
    users = np.flatnonzero(np.bincount(log.users()[is_cold], minlength=log.user_count) * np.diff(warm.starts))
    met = log.only(is_cold)
    parts = []
    for user in users:
        place = slice(met.starts[user], met.starts[user + 1])
        rows = newest_of_each(stand_ins.rows(np.searchsorted(cold, met.rows[place]).astype(np.int32)))
        kept = np.flatnonzero(rows)
        values = np.full(len(rows), np.nan, np.float32) if met.values is None else met.values[place]
        parts.append((rows[kept], met.times[place][kept], values[kept]))
    history = InteractionLog(
        warm.item_ids,
        np.concatenate([[0], np.cumsum([len(rows) for rows, _, _ in parts])]).astype(np.int64),
        np.concatenate([rows for rows, _, _ in parts]),
        np.concatenate([times for _, times, _ in parts]),
        np.concatenate([values for _, _, values in parts]),
    )
    relevant = pad_lists([warm.sequence(int(user)) for user in users], int(np.diff(warm.starts).max()))
    popular = PopularitySource.load(given.bundle).retrieve(History.of(_NOBODY), _LIST, _NOBODY).rows
    popularity = by_user.ndcg(np.tile(popular, (len(users), 1)), relevant, 10)
    print(f"{len(users):,} users, {len(cold):,} cold items")
    say("popularity", popularity, popularity)
    say("sources", by_user.ndcg(fused_lists(given.bundle, history), relevant, 10), popularity)
    everybody = np.arange(len(users), dtype=np.int32)
    ranked = served_lists(given.bundle, HeldOut(history, everybody, np.zeros_like(everybody)), CANDIDATE_COUNT).ranked
    say("ranker", by_user.ndcg(ranked, relevant, 10), popularity)


def fused_lists(bundle: Path, log: InteractionLog) -> NDArray[np.int32]:
    """int32 [U, 100]: by the sources' scores, fused by rank, as such users are served."""
    manifest = read_manifest(bundle)
    sources = load_sources(bundle, manifest.sources)
    buckets = manifest.models[USER_ENCODER].history_buckets
    encoder = onnxruntime.InferenceSession(str(bundle / "models" / USER_ENCODER / "model.onnx"))
    lists = np.zeros((log.user_count, _LIST), np.int32)
    for user in range(log.user_count):
        rows = log.sequence(user)
        length = next(bucket for bucket in buckets if bucket >= len(rows))
        items = np.zeros((1, length), np.int64)
        events = np.zeros((1, length, len(FEATURES)), np.float32)
        items[0, length - len(rows) :] = rows
        events[0, length - len(rows) :] = log.events(user, np.arange(len(rows)))
        vector = encoder.run(None, {"history_items": items, "history_events": events})[0][0]
        history = History.of(rows, vector.astype(np.float32))
        # What stands in for something was not met: it may be proposed.
        found, made = propose(sources, history, CANDIDATE_COUNT, _NOBODY)
        candidates = merge(found, CANDIDATE_COUNT)
        scores = fused_ranks(features_of(sources, history, made, candidates))
        best = candidates[np.argsort(-scores, kind="stable")][:_LIST]
        lists[user, : len(best)] = best
    return lists


def say(name: str, values: NDArray[np.float64], popularity: NDArray[np.float64]) -> None:
    """Print the mean over users, and that of the difference to popularity."""
    figures = with_standard_errors({"ndcg": values, "beyond": values - popularity})
    print(
        f"{name:12} NDCG@10 {figures['ndcg']:.4f} ± {figures['ndcg_se']:.4f}, "
        f"beyond popularity {figures['beyond']:+.4f} ± {figures['beyond_se']:.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
