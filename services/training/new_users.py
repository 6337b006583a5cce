"""New users: some users are taken out of all training; what do a few picks of theirs tell, beside popularity?

The whole cascade is trained without a trace of them. Then each picks what a welcome page would show: of what the user
liked, the items that most users of the training took. The more of these picks the bundle may read, the better it should
find everything else that the user took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from services.core.audience import Audience
from services.core.bundle import BundleManifest, bundle_path
from services.core.cascade import candidates_for
from services.core.metrics import by_user
from services.core.metrics.means import with_standard_errors
from services.core.sources.popularity import PopularitySource
from services.core.sources.source import History
from services.core.sources.top_rows import top_positive_rows
from services.training.bundle_figures import bundle_figures
from services.training.steps.bundle import DatasetError, fit_bundle
from services.training.steps.evaluate import LIST_LENGTH, pad_lists
from services.training.steps.examples import HeldOut, Int32, InteractionLog
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.served_lists import served_lists

PROTOCOL = "new-users"
PICKS = (1, 3, 5)
"""Numbers of picks that are measured, ascending."""

_MOST = PICKS[-1]
_METRICS = {"ndcg@10": by_user.ndcg, "recall@10": by_user.recall}


@dataclass(frozen=True, slots=True)
class NewUsers:
    """What came out.

    test: figures by list, each with its standard error over users: "popularity" (what is served where nothing is
    known), "most_taken" (the same without regard to when), "context" (popular with people like them, where the data set
    says who its users are and that tells), and "picks_1", "picks_3", "picks_5" (the ranker's lists).
    beyond: of every list but popularity, how much more than that it gives the same user, with the standard error of
    that. All look for the same: what a user took besides all five picks, none of which is in any list. users: int32
    [U]. picks: int32 [U, 5], rows, the most widely taken first. ranked: int32 [U, 100], rows, by all five picks.
    """

    manifest: BundleManifest
    test: dict[str, dict[str, float]]
    beyond: dict[str, dict[str, float]]
    users: Int32
    picks: Int32
    ranked: Int32
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures without the lists; equal for equal runs but for "seconds"."""
        return {
            "protocol": PROTOCOL,
            "users": len(self.users),
            "test": self.test,
            "beyond_popularity": self.beyond,
            **bundle_figures(self.manifest, self.seconds),
        }


def choose_new(log: InteractionLog, share: float, seed: int) -> Int32:
    """int32 [U], ascending: a share of the users, of those who took more than they pick."""
    fit = np.flatnonzero(np.diff(log.starts) > _MOST)
    count = round(share * len(fit))
    return np.sort(np.random.default_rng([seed, 14]).permutation(fit)[:count]).astype(np.int32)


def without_users(log: InteractionLog, users: Int32) -> InteractionLog:
    """The log without what these users did; the others keep their numbers."""
    return log.only(~np.isin(log.users(), users))


def picks_of(log: InteractionLog, users: Int32, taken_by: Int32) -> Int32:
    """int32 [U, 5]: of what each liked, what most others took (int [N+1], how many), equals by row.

    Liked is what has at least the user's middle rating, or everything where there are no ratings.
    """
    picked = np.zeros((len(users), _MOST), dtype=np.int32)
    for place, user in enumerate(users):
        rows = log.sequence(int(user))
        liked = np.ones(len(rows), dtype=np.bool_)
        if log.values is not None:
            values = log.values[log.starts[user] : log.starts[user + 1]]
            if np.isfinite(values).any():
                liked = values >= np.nanmedian(values)
        # Liked ones first; where these are too few, what else is widely known.
        picked[place] = rows[np.lexsort((rows, -taken_by[rows], ~liked))[:_MOST]]
    return picked


def new_users(
    log: InteractionLog,
    config: TrainingConfig,
    store: Path,
    report: Callable[[Progress], None],
    share: float,
    version: str,
) -> NewUsers:
    """Fit a bundle without the new users into ``store`` and recommend to them by their picks.

    Raises DatasetError where there are too few users, and what fit_bundle raises.
    """
    started = time.perf_counter()
    log = log.without_repeats()
    users = choose_new(log, share, config.seed)
    if not len(users):
        raise DatasetError(f"new users need users who took more than {_MOST} items")
    known = without_users(log, users)
    manifest = fit_bundle(known, config, store, version, report)
    fitted = time.perf_counter()
    bundle = bundle_path(store, manifest.version)
    taken_by = np.bincount(known.rows, minlength=log.item_count + 1).astype(np.int32)
    picks = picks_of(log, users, taken_by)
    popularity = PopularitySource.load(bundle).retrieve(History.of(np.empty(0, np.int32)), LIST_LENGTH, _NONE)
    most_taken = np.argsort(-taken_by[1:], kind="stable")[:LIST_LENGTH].astype(np.int32) + 1
    lists = {
        name: _for_all(rows, picks) for name, rows in (("popularity", popularity.rows), ("most_taken", most_taken))
    }
    audience = Audience.load(bundle)
    if audience is not None and log.contexts is not None:
        lists["context"] = _by_audience(audience, [log.contexts[user] for user in users], bundle, picks)
    for done, count in enumerate(PICKS):
        lists[f"picks_{count}"] = _by_picks(bundle, log, picks, count, config)
        report(Progress("test", (done + 1) / len(PICKS)))
    relevant = pad_lists(
        [np.setdiff1d(log.sequence(int(user)), picks[place]) for place, user in enumerate(users)],
        int(np.diff(log.starts).max()),
    )
    values = {
        name: {metric: measure(of_list, relevant, 10) for metric, measure in _METRICS.items()}
        for name, of_list in lists.items()
    }
    beyond = {
        name: {metric: of_list[metric] - values["popularity"][metric] for metric in _METRICS}
        for name, of_list in values.items()
        if name != "popularity"
    }
    seconds = {"fit": round(fitted - started, 1), "test": round(time.perf_counter() - fitted, 1)}
    return NewUsers(
        manifest,
        {name: with_standard_errors(of_list) for name, of_list in values.items()},
        {name: with_standard_errors(of_list) for name, of_list in beyond.items()},
        users,
        picks,
        lists[f"picks_{_MOST}"],
        seconds,
    )


_NONE = np.empty(0, np.int32)


def _by_picks(bundle: Path, log: InteractionLog, picks: Int32, count: int, config: TrainingConfig) -> Int32:
    """int32 [U, 100]: the ranker's lists by the first picks of each, read as serving reads picks."""
    users = np.arange(len(picks), dtype=np.int32)
    # All at once, and nothing else is known of them. The most widely taken is the oldest.
    picked = InteractionLog(
        log.item_ids,
        np.arange(len(picks) + 1, dtype=np.int64) * count,
        picks[:, :count].ravel(),
        np.zeros(len(picks) * count, dtype=np.int64),
    )
    split = HeldOut(picked, users, np.zeros_like(users))
    return _without(served_lists(bundle, split, candidates_for(LIST_LENGTH, config.candidates)).ranked, picks)


def _by_audience(audience: Audience, contexts: Sequence[Mapping[str, str]], bundle: Path, picks: Int32) -> Int32:
    """int32 [U, 100]: what is popular with people like each, as candidates has it."""
    popularity = PopularitySource.load(bundle)
    every = np.ones(popularity.item_count + 1, dtype=np.bool_)
    rows = np.zeros((len(picks), LIST_LENGTH), dtype=np.int32)
    for place, context in enumerate(contexts):
        scores = audience.scores(popularity.scores, context)
        found, _ = top_positive_rows(popularity.scores if scores is None else scores, LIST_LENGTH, every)
        rows[place, : len(found)] = found
    return _without(rows, picks)


def _for_all(rows: Int32, picks: Int32) -> Int32:
    """The same list int32 [K] for everybody, less what each picked."""
    return _without(np.tile(rows, (len(picks), 1)), picks)


def _without(lists: Int32, picks: Int32) -> Int32:
    """The lists int32 [U, K] without the picks, 0 after the end."""
    picked = (lists[:, :, None] == picks[:, None, :]).any(axis=2)
    return pad_lists([of_user[~out] for of_user, out in zip(lists, picked, strict=True)], lists.shape[1])
