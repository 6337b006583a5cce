"""The lists of a sealed bundle for many users: through its ONNX models and its sources, as serving makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.core.bundle import RANKER, USER_ENCODER, read_manifest
from services.core.sources.registry import load_sources
from services.core.sources.source import History, Rows, Source
from services.training.steps.evaluate import LIST_LENGTH, merge, pad_lists, propose
from services.training.steps.examples import HeldOut, Int32

_USERS_AT_ONCE = 32
_MOST_MERGED = 500


@dataclass(frozen=True, slots=True)
class ServedLists:
    """Rows of every held-out user, best first, 0 after the end.

    sources: int32 [U, 100] by name. candidates: int32 [U, 500], in the order of merging. ranked: int32 [U, 100].
    """

    sources: dict[str, Int32]
    candidates: Int32
    ranked: Int32


def served_lists(
    bundle: Path,
    split: HeldOut,
    per_source: int,
    ranked_candidates: int,
    report: Callable[[float], None] = lambda _: None,
) -> ServedLists:
    """Lists for the users of ``split`` by their histories in ``split.log``, none of which is recommended again.

    per_source: candidates of each source. ranked_candidates: how many of the merged go to the ranker.
    """
    ranking = _Ranking(bundle, per_source, ranked_candidates)
    lengths = np.diff(split.log.starts)[split.users]
    count = len(split.users)
    proposed = {name: np.zeros((count, LIST_LENGTH), dtype=np.int32) for name in ranking.sources}
    candidates = np.zeros((count, _MOST_MERGED), dtype=np.int32)
    ranked = np.zeros((count, LIST_LENGTH), dtype=np.int32)
    # Users of like length go together, so that little padding is computed.
    order = np.argsort(lengths, kind="stable")
    for start in range(0, count, _USERS_AT_ONCE):
        places = order[start : start + _USERS_AT_ONCE]
        batch = ranking.of([split.log.sequence(int(split.users[place])) for place in places])
        for name, rows in batch.sources.items():
            proposed[name][places] = rows
        candidates[places], ranked[places] = batch.candidates, batch.ranked
        report((start + len(places)) / count)
    return ServedLists(proposed, candidates, ranked)


class _Ranking:
    """The cascade of one bundle."""

    def __init__(self, bundle: Path, per_source: int, ranked_candidates: int) -> None:
        manifest = read_manifest(bundle)
        self.sources: dict[str, Source] = load_sources(bundle, manifest.sources)
        self._buckets = manifest.models[RANKER].history_buckets
        self._per_source, self._ranked_candidates = per_source, ranked_candidates
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._encoder, self._ranker = (
            onnxruntime.InferenceSession(str(bundle / "models" / name / "model.onnx"), options)
            for name in (USER_ENCODER, RANKER)
        )

    def of(self, seen: Sequence[Rows]) -> ServedLists:
        """Lists of users who have taken ``seen``."""
        longest = self._buckets[-1]
        needed = min(max(len(rows) for rows in seen), longest)
        length = next(bucket for bucket in self._buckets if bucket >= needed)
        items = np.zeros((len(seen), length), dtype=np.int64)
        for place, rows in enumerate(seen):
            newest = rows[-length:]
            items[place, length - len(newest) :] = newest
        vectors = self._encoder.run(None, {"history_items": items})[0]
        width = self._ranked_candidates
        chosen = np.zeros((len(seen), width), dtype=np.int64)
        features = np.zeros((len(seen), width, len(self.sources)), dtype=np.float32)
        merged: list[Rows] = []
        proposals: dict[str, list[Rows]] = {name: [] for name in self.sources}
        for place, rows in enumerate(seen):
            history = History.of(rows[-longest:], vectors[place])
            found, made = propose(self.sources, history, self._per_source, rows)
            for name, retrieved in found.items():
                proposals[name].append(retrieved.rows)
            merged.append(merge(list(found.values()), _MOST_MERGED))
            ranked = merged[-1][:width]
            chosen[place, : len(ranked)] = ranked
            for column, scores_of_source in enumerate(made):
                features[place, : len(ranked), column] = scores_of_source[ranked]
        scores: NDArray[np.float32] = self._ranker.run(
            None, {"history_items": items, "candidate_items": chosen, "candidate_features": features}
        )[0][:, :, 0]
        scores = np.where(chosen > 0, scores, -np.inf)
        best = np.argsort(-scores, axis=1, kind="stable")
        return ServedLists(
            {name: pad_lists(rows, LIST_LENGTH) for name, rows in proposals.items()},
            pad_lists(merged, _MOST_MERGED),
            pad_lists(list(np.take_along_axis(chosen, best, axis=1).astype(np.int32)), LIST_LENGTH),
        )
