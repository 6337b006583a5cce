"""The lists of a sealed bundle for many users: through its ONNX models and its sources, as serving makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.core.bundle import RANKER, USER_ENCODER, read_manifest
from services.core.cascade import (
    DIVERSITY_STRENGTH,
    ENGAGE_PROBABILITY,
    EXACT_SEARCH_MAX_ITEMS,
    HEAD_WEIGHTS,
    HISTORY_EVENTS,
)
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.core.diversity import diverse_order
from services.core.history_events import FEATURES
from services.core.sources.registry import load_sources
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History, Rows, Source
from services.plumbing.usearch_index import UsearchIndex
from services.training.steps.evaluate import LIST_LENGTH, features_of, merge, pad_lists, propose
from services.training.steps.examples import HeldOut, Int32, InteractionLog
from services.training.steps.item_attributes import ItemAttributes

Float32 = NDArray[np.float32]
NewcomerLogits = Callable[[Float32, Sequence[Rows]], Float32]
"""Logits float32 [B, K] by users' vectors float32 [B, D] and by the rows that were read of each."""

_USERS_AT_ONCE = 32
_MOST_MERGED = 500


@dataclass(frozen=True, slots=True)
class ServedLists:
    """Rows of every held-out user, best first, 0 after the end.

    sources: int32 [U, 100] by name. candidates: int32 [U, 500], in the order of merging. ranked: int32 [U, 100], by
    the ranker's score. slates: int32 [U, 100], arranged by the policy that serves. engage_probabilities: float32
    [U, C], of the first C candidates, those that were ranked. actions: float32 [U] by the name of the head, what it
    says of the item that is looked for.
    """

    sources: dict[str, Int32]
    candidates: Int32
    ranked: Int32
    slates: Int32
    engage_probabilities: NDArray[np.float32]
    actions: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def served_lists(
    bundle: Path,
    split: HeldOut,
    candidate_count: int,
    categories: ItemAttributes | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> ServedLists:
    """Lists for the users of ``split`` by their histories in ``split.log``, none of which is recommended again.

    candidate_count: how many are ranked. categories: all of the items' in the catalogue; without, the slates are the
    ranker's lists.
    """
    ranking = _Ranking(bundle, candidate_count, categories)
    count = len(split.users)
    proposed = {name: np.zeros((count, LIST_LENGTH), dtype=np.int32) for name in ranking.sources}
    candidates = np.zeros((count, _MOST_MERGED), dtype=np.int32)
    ranked, slates = (np.zeros((count, LIST_LENGTH), dtype=np.int32) for _ in range(2))
    probabilities = np.zeros((count, candidate_count), dtype=np.float32)
    actions = {name: np.zeros(count, dtype=np.float32) for name in ranking.actions}
    done = 0
    for places in ranking.batches([split.log.sequence(int(user)) for user in split.users]):
        batch = ranking.of(split.log, split.users[places], split.targets[places])
        for name, rows in batch.sources.items():
            proposed[name][places] = rows
        candidates[places], ranked[places], slates[places] = batch.candidates, batch.ranked, batch.slates
        probabilities[places] = batch.engage_probabilities
        for name, answers in batch.actions.items():
            actions[name][places] = answers
        done += len(places)
        report(done / count)
    return ServedLists(proposed, candidates, ranked, slates, probabilities, actions)


def newcomer_scores(
    bundle: Path, log: InteractionLog, users: Int32, content_map: ContentMap, contents: Sequence[ItemContent]
) -> NDArray[np.float32]:
    """The bundle's scores float32 [U, K] of items that it does not hold, by their contents and its content map.

    users: int32 [U], who have taken something in the log.
    """
    nobody = np.zeros(len(contents), dtype=np.int32)
    return item_scores(bundle, log, users, nobody, newcomer_logits(content_map, contents))


def newcomer_logits(content_map: ContentMap, contents: Sequence[ItemContent]) -> NewcomerLogits:
    """What tells the logits of items of these contents."""
    of_items = content_map.vectors(contents).T
    return lambda user_vectors, histories: content_map.queries(user_vectors, histories) @ of_items


def item_scores(bundle: Path, log: InteractionLog, users: Int32, rows: Int32, newcomers: NewcomerLogits) -> Float32:
    """The bundle's scores float32 [U, K] of the items of rows int32 [K], 0 for a newcomer: one that it does not hold.

    users: int32 [U], who have taken something in the log. newcomers: the logits of all K items as if they were.
    """
    ranking = _Ranking(bundle, 1, None)
    scores = np.zeros((len(users), len(rows)), dtype=np.float32)
    for places in ranking.batches([log.sequence(int(user)) for user in users]):
        scores[places] = ranking.of_items(log, users[places], rows, newcomers)
    return scores


def read_of(taken: Rows, longest: int) -> NDArray[np.intp]:
    """Places of what models read of a user: of the newest events each item where it was last met, ``longest`` at most.

    taken: int32 [L], oldest first, repeats included. Ascending.
    """
    skipped = max(0, len(taken) - HISTORY_EVENTS)
    newest = taken[skipped:]
    _, from_end = np.unique(newest[::-1], return_index=True)
    kept: NDArray[np.intp] = skipped + np.sort(len(newest) - 1 - from_end)
    return kept[-longest:]


class _Ranking:
    """The cascade of one bundle."""

    def __init__(self, bundle: Path, candidate_count: int, categories: ItemAttributes | None) -> None:
        manifest = read_manifest(bundle)
        ranker = manifest.models[RANKER]
        self.sources: dict[str, Source] = load_sources(bundle, manifest.sources)
        for name, source in self.sources.items():
            if isinstance(source, SequenceSource) and manifest.item_count > EXACT_SEARCH_MAX_ITEMS:
                index = UsearchIndex.load(bundle, manifest.item_count, source.item_vectors.shape[1])
                self.sources[name] = source.with_index(index)
        self._buckets = ranker.history_buckets
        self._head_weights = np.array([HEAD_WEIGHTS.get(head, 0.0) for head in ranker.heads], np.float32)
        self.actions = {
            name: place for place, name in enumerate(ranker.heads) if name not in ("engage", ENGAGE_PROBABILITY)
        }
        self._probability = ranker.heads.index(ENGAGE_PROBABILITY)
        self._candidate_count, self._categories = candidate_count, categories
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._encoder, self._ranker = (
            onnxruntime.InferenceSession(str(bundle / "models" / name / "model.onnx"), options)
            for name in (USER_ENCODER, RANKER)
        )

    def batches(self, histories: Sequence[Rows]) -> list[NDArray[np.intp]]:
        """Places of users that go together: padded to the one length that each has when asked for alone."""
        read = np.array([len(read_of(taken, self._buckets[-1])) for taken in histories], dtype=np.int64)
        buckets = np.searchsorted(self._buckets, read)
        return [
            members[start : start + _USERS_AT_ONCE]
            for members in (np.flatnonzero(buckets == bucket) for bucket in range(len(self._buckets)))
            for start in range(0, len(members), _USERS_AT_ONCE)
        ]

    def of(self, log: InteractionLog, users: Int32, targets: Int32) -> ServedLists:
        """Lists of users of the log, and what the action heads say of the targets."""
        seen, histories, inputs = self._read(log, users)
        width = self._candidate_count
        # The last place is the target's: an action head looks at nothing but the item and the history.
        chosen = np.zeros((len(seen), width + 1), dtype=np.int64)
        chosen[:, width] = targets
        features = np.zeros((len(seen), width + 1, len(self.sources)), dtype=np.float32)
        merged: list[Rows] = []
        proposals: dict[str, list[Rows]] = {name: [] for name in self.sources}
        for place, rows in enumerate(histories):
            history = History.of(rows, inputs["user_vectors"][place])
            found, made = propose(self.sources, history, width, seen[place])
            for name, retrieved in found.items():
                proposals[name].append(retrieved.rows)
            merged.append(merge(found, _MOST_MERGED))
            candidates = merged[-1][:width]
            chosen[place, : len(candidates)] = candidates
            features[place, : len(candidates)] = features_of(self.sources, history, made, candidates)
        heads: NDArray[np.float32] = self._ranker.run(
            None,
            {**inputs, "candidate_items": chosen, "candidate_features": features},
        )[0]
        ranked, slates = [], []
        for place, rows in enumerate(merged):
            candidates = rows[:width]
            scores = (heads[place, : len(candidates)] @ self._head_weights).astype(np.float64)
            ranked.append(candidates[np.argsort(-scores, kind="stable")])
            slates.append(candidates[self._arranged(scores, candidates)])
        return ServedLists(
            {name: pad_lists(rows, LIST_LENGTH) for name, rows in proposals.items()},
            pad_lists(merged, _MOST_MERGED),
            pad_lists(ranked, LIST_LENGTH),
            pad_lists(slates, LIST_LENGTH),
            np.where(chosen > 0, heads[:, :, self._probability], np.float32(0))[:, :width],
            {name: heads[:, width, place] for name, place in self.actions.items()},
        )

    def of_items(self, log: InteractionLog, users: Int32, rows: Int32, newcomers: NewcomerLogits) -> Float32:
        """The ranker's scores float32 [U, K] of the items of rows int32 [K], 0 for a newcomer."""
        _, histories, inputs = self._read(log, users)
        vectors = inputs["user_vectors"].astype(np.float32, copy=False)
        features = np.zeros((len(users), len(rows), len(self.sources)), dtype=np.float32)
        known = np.flatnonzero(rows)
        for place, read in enumerate(histories):
            history = History.of(read, vectors[place])
            for column, source in enumerate(self.sources.values()):
                if source.knows(history):
                    features[place, known, column] = source.score_rows(history, rows[known])
        column = list(self.sources).index(SequenceSource.name)
        features[:, :, column] = np.where(rows > 0, features[:, :, column], newcomers(vectors, histories))
        items = np.tile(rows.astype(np.int64), (len(users), 1))
        made = {**inputs, "candidate_items": items, "candidate_features": features}
        heads: Float32 = self._ranker.run(None, made)[0]
        return heads @ self._head_weights

    def _read(self, log: InteractionLog, users: Int32) -> tuple[list[Rows], list[Rows], dict[str, NDArray[np.generic]]]:
        """All that users took, what models read of it, and the ranker's inputs that are the users' own."""
        seen = [log.sequence(int(user)) for user in users]
        read = [read_of(rows, self._buckets[-1]) for rows in seen]
        histories = [rows[places] for rows, places in zip(seen, read, strict=True)]
        length = next(bucket for bucket in self._buckets if bucket >= max(len(rows) for rows in histories))
        items = np.zeros((len(seen), length), dtype=np.int64)
        events = np.zeros((len(seen), length, len(FEATURES)), dtype=np.float32)
        for place, rows in enumerate(histories):
            items[place, length - len(rows) :] = rows
            events[place, length - len(rows) :] = log.events(int(users[place]), read[place])
        history = {"history_items": items, "history_events": events}
        return seen, histories, {"user_vectors": self._encoder.run(None, history)[0], **history}

    def _arranged(self, scores: NDArray[np.float64], candidates: Rows) -> NDArray[np.intp]:
        if self._categories is None:
            categories = np.zeros((len(candidates), 0), dtype=np.bool_)
        else:
            categories = self._categories.membership(candidates)
        return diverse_order(scores, categories, LIST_LENGTH, DIVERSITY_STRENGTH)
