"""Transfer: what a scenario of which little or nothing is known gets from its texts and from a rich one.

Of the target, each user's last interaction is the test, and the one before it is not looked at. Of the rest, whole
users are drawn until they hold a share of the events: that is all that anybody has seen there. Every list ranks all
items of the target that the user has not met, by the user's own history, which is read and not learnt from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleManifest, bundle_path
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.core.metrics import by_user
from services.core.metrics.means import with_standard_errors
from services.core.text_space import Float32
from services.core.young_scenarios import YoungScenarios, liking_of
from services.training.bundle_figures import bundle_figures
from services.training.leave_one_out import split_last
from services.training.steps.bundle import DatasetError, fit_bundle
from services.training.steps.evaluate import LIST_LENGTH
from services.training.steps.examples import HeldOut, Int32, InteractionLog
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.served_lists import NewcomerLogits, item_scores, newcomer_logits
from services.training.steps.text_places import text_likeness, text_places
from services.training.steps.without_items import without_items

PROTOCOL = "transfer"
TARGET = "target"
"""The scenario of the target's items."""

_NEWEST = 50
# Of a target with fewer known items than this, what users took there is read by its texts (ScenarioLiking).
_KNOWN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Transfer:
    """What came out.

    test: figures by list, each with its standard error over users: "random", "popular" (counts among the few events),
    "zero_shot" (texts alone, as a new scenario is served), "few_shot" (a bundle of the source and the few events,
    as it serves the scenario of the target: by texts and takers while that is young, else by the ranker), "alone" (the
    ranker of the same training on the few events alone). beyond_alone: of zero_shot and few_shot, how much more than
    alone they give the same user. few: numbers of the users, events and items that were drawn. users: int32 [U].
    ranked: int32 [U, 100], rows of the target, by the few-shot bundle.
    """

    manifest: BundleManifest
    test: dict[str, dict[str, float]]
    beyond_alone: dict[str, dict[str, float]]
    few: dict[str, int]
    users: Int32
    ranked: Int32
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures without the lists; equal for equal runs but for "seconds"."""
        return {
            "protocol": PROTOCOL,
            "users": len(self.users),
            "few": self.few,
            "test": self.test,
            "beyond_alone": self.beyond_alone,
            **bundle_figures(self.manifest, self.seconds),
        }


def transfer(
    source: InteractionLog,
    target: InteractionLog,
    config: TrainingConfig,
    store: Path,
    report: Callable[[Progress], None],
    share: float,
    version: str,
) -> Transfer:
    """Fit two bundles, into ``store`` and into its folder "alone", and rank the target's items.

    Both logs need contents; equal ids in both are different items. Raises DatasetError where the target has too few
    users or says nothing, and what fit_bundle raises.
    """
    started = time.perf_counter()
    source, target = source.without_repeats(), target.without_repeats()
    split = split_last(target)
    told = draw_few(target.only(may_be_learnt(target)), share, config.seed)
    if not len(split.users) or not len(told):
        raise DatasetError("the target needs users who took at least three items")
    both = joined(source, told)
    manifest = fit_bundle(only_taken(both), config, store, version, report)
    fitted = time.perf_counter()
    apart = store / "alone"
    alone = fit_bundle(only_taken(told), config, apart, version, lambda _: None)
    fitted_alone = time.perf_counter()
    liking = text_liking(split.log, split.users)
    random = np.random.default_rng([config.seed, 15])
    shape = (len(split.users), target.item_count)
    counts = np.bincount(told.rows, minlength=target.item_count + 1)[1:]
    scores = {
        "random": random.random(shape, dtype=np.float32),
        "popular": np.broadcast_to(counts.astype(np.float32), shape),
        "zero_shot": liking,
        "few_shot": _as_scenario(bundle_path(store, version), both, source.item_count, split, liking),
        "alone": _by_ranker(bundle_path(apart, alone.version), told, 0, split, liking),
    }
    report(Progress("test", 1.0))
    # Ties, of which counts of few events are full, are broken at random, the same for all.
    tie = random.random(shape)
    lists = {name: _lists(of_list, tie, split.log, split.users) for name, of_list in scores.items()}
    relevant = split.targets[:, None]
    values = {
        name: {"ndcg@10": by_user.ndcg(rows, relevant, 10), "recall@10": by_user.recall(rows, relevant, 10)}
        for name, rows in lists.items()
    }
    beyond = {
        name: {metric: values[name][metric] - values["alone"][metric] for metric in values[name]}
        for name in ("zero_shot", "few_shot")
    }
    seconds = {
        "fit": round(fitted - started, 1),
        "fit_alone": round(fitted_alone - fitted, 1),
        "test": round(time.perf_counter() - fitted_alone, 1),
    }
    few = {
        "users": int(np.count_nonzero(np.diff(told.starts))),
        "events": len(told),
        "items": len(np.unique(told.rows)),
    }
    return Transfer(
        manifest,
        {name: with_standard_errors(of_list) for name, of_list in values.items()},
        {name: with_standard_errors(of_list) for name, of_list in beyond.items()},
        few,
        split.users,
        lists["few_shot"][:, :LIST_LENGTH],
        seconds,
    )


def may_be_learnt(log: InteractionLog) -> NDArray[np.bool_]:
    """Bool [E]: all but the last two interactions of each user, but for the first where there are only two."""
    lengths = np.diff(log.starts)
    places = np.arange(len(log)) - np.repeat(log.starts[:-1], lengths)
    kept: NDArray[np.bool_] = places < np.repeat(np.maximum(lengths - 2, 1), lengths)
    return kept


def draw_few(log: InteractionLog, share: float, seed: int) -> InteractionLog:
    """The log of whole users, drawn at random until they hold the share of the events; all keep their numbers."""
    lengths = np.diff(log.starts)
    order = np.random.default_rng([seed, 16]).permutation(np.flatnonzero(lengths))
    count = int(np.searchsorted(np.cumsum(lengths[order]), share * len(log))) + 1
    return log.only(np.isin(log.users(), order[:count]))


def joined(source: InteractionLog, target: InteractionLog) -> InteractionLog:
    """One log of both: the target's items and users come after the source's."""
    contents = [
        replace(content, scenario=name)
        for name, log in (("source", source), (TARGET, target))
        for content in (log.contents or _nothing(log))[1:]
    ]
    contents.insert(0, ItemContent())
    ids = [f"{name}/{item_id}" for name, log in (("source", source), (TARGET, target)) for item_id in log.item_ids[1:]]
    return InteractionLog(
        np.array(["", *ids], dtype=np.str_),
        np.concatenate([source.starts, source.starts[-1] + target.starts[1:]]),
        np.concatenate([source.rows, target.rows + source.item_count]).astype(np.int32),
        np.concatenate([source.times, target.times]),
        _column(source, target, "values", np.nan),
        ItemAttributes.from_contents(contents),
        types=_column(source, target, "types", 0),
        contents=contents,
    )


def only_taken(log: InteractionLog) -> InteractionLog:
    """The log without the items that nobody took, as a bundle knows none of these."""
    untaken = np.setdiff1d(np.arange(1, log.item_count + 1), log.rows).astype(np.int32)
    return without_items(log, untaken)


def text_liking(log: InteractionLog, users: Int32) -> Float32:
    """float32 [U, N], how a new scenario is served: likeness of texts to what each took, in standard deviations."""
    places = text_places(log.contents or _nothing(log), np.arange(1, log.item_count + 1, dtype=np.int32))
    if places is None:
        raise DatasetError("transfer needs items that say something: texts, or reviews")
    return np.stack([text_likeness(places, log.sequence(int(user))[-_NEWEST:].astype(np.intp) - 1) for user in users])


def _as_scenario(bundle: Path, trained: InteractionLog, before: int, split: HeldOut, liking: Float32) -> Float32:
    """Scores float32 [U, N] of the target's items as the bundle of both serves the target's scenario."""
    rows = _rows_of_target(trained, before)
    young = YoungScenarios.load(bundle)
    if young is not None and TARGET in young.names:
        return np.stack([liking_of(of_user, young.takers[rows[1:]]) for of_user in liking])
    if np.count_nonzero(rows) < _KNOWN_SHARE * split.log.item_count:
        return liking
    return _by_ranker(bundle, trained, before, split, liking)


def _by_ranker(bundle: Path, trained: InteractionLog, before: int, split: HeldOut, liking: Float32) -> Float32:
    """Scores float32 [U, N] of the target's items by the ranker of a bundle that was trained on ``trained``.

    before: rows of ``trained`` that stand before the target's first one. liking: for whoever took nothing that the
    bundle knows.
    """
    rows, log = _rows_of_target(trained, before), split.log
    known = log.only(rows[log.rows] > 0)
    read = InteractionLog(
        np.array(["", *trained.item_ids[np.unique(trained.rows)]], dtype=np.str_),
        known.starts,
        rows[known.rows],
        known.times,
        known.values,
        types=known.types,
    )
    readers = np.flatnonzero(np.diff(read.starts)[split.users] > 0)
    scores = liking.copy()
    scores[readers] = item_scores(bundle, read, split.users[readers], rows[1:], _by_content(bundle, log))
    return scores


def _rows_of_target(trained: InteractionLog, before: int) -> Int32:
    """int32 [N+1]: the row in the bundle of each item of the target, 0 where nobody took it."""
    rows = np.zeros(trained.item_count + 1, dtype=np.int32)
    taken = np.unique(trained.rows)
    rows[taken] = np.arange(1, len(taken) + 1)
    of_target = rows[before:].copy()
    of_target[0] = 0
    return of_target


def _by_content(bundle: Path, log: InteractionLog) -> NewcomerLogits:
    """What tells the logits of the target's items: the bundle's content map, without one 0."""
    content_map = ContentMap.load(bundle)
    if content_map is None:
        return lambda user_vectors, _: np.zeros((len(user_vectors), log.item_count), dtype=np.float32)
    return newcomer_logits(content_map, (log.contents or _nothing(log))[1:])


def _lists(scores: Float32, tie: NDArray[np.float64], log: InteractionLog, users: Int32) -> Int32:
    """Rows int32 [U, N], best first, without what each has met, 0 after the end."""
    met = np.zeros(scores.shape, dtype=np.bool_)
    for place, user in enumerate(users):
        met[place, log.sequence(int(user)) - 1] = True
    order = np.lexsort((tie, -scores, met), axis=1)
    rows = (order + 1).astype(np.int32)
    rows[np.take_along_axis(met, order, axis=1)] = 0
    return rows


def _column(source: InteractionLog, target: InteractionLog, name: str, unknown: float) -> Any:
    columns = [getattr(source, name), getattr(target, name)]
    if columns[0] is None and columns[1] is None:
        return None
    known = next(column for column in columns if column is not None)
    return np.concatenate(
        [
            np.full(len(log), unknown, dtype=known.dtype) if column is None else column
            for log, column in zip((source, target), columns, strict=True)
        ]
    )


def _nothing(log: InteractionLog) -> Sequence[ItemContent]:
    return [ItemContent()] * (log.item_count + 1)
