"""Cold items: some items are taken out of all training; can those who met them be found by what the items are?

The whole cascade is trained without a trace of them. Then, for every user who met one of them and something else, the
cold items alone are ranked by the bundle's own graphs, from the user's other items and the cold items' content.

Where items are told of by events, as by reviews, half of the users are read about cold items and the other half are
asked: no content of a cold item holds anything of whoever is asked for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleManifest
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.core.metrics import by_user
from services.core.metrics.means import with_standard_errors
from services.training.bundle_figures import bundle_figures
from services.training.readable_contents import Bools, Contents
from services.training.steps.bundle import DatasetError, fit_bundle
from services.training.steps.evaluate import pad_lists
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit import assist_fit
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_progress import Progress
from services.training.steps.served_lists import newcomer_scores
from services.training.steps.without_items import without_items
from services.training.text_encoder.in_bundle import with_tuned_text

PROTOCOL = "cold-items"
_NEIGHBOURS = 20
_ASKED = 0.5

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ColdItems:
    """What came out.

    test: figures by list, each with its standard error over users: "ranker", "content_knn" (mean cosine to what the
    user took), "content_knn_centred" (the same after the items' mean vector was taken off), "content_knn_top" (the sum
    of the twenty largest cosines) for every modality, and "random". cold: int32 [C], rows of the log. users: int32 [U].
    ranked: int32 [U, C], rows, best first. described: items of which something is known.
    """

    manifest: BundleManifest
    test: dict[str, dict[str, float]]
    cold: Int32
    users: Int32
    ranked: Int32
    described: int
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures without the lists; equal for equal runs but for "seconds"."""
        return {
            "protocol": PROTOCOL,
            "users": len(self.users),
            "cold_items": len(self.cold),
            "test": self.test,
            **bundle_figures(self.manifest, self.seconds),
        }


def choose_cold(log: InteractionLog, share: float, seed: int) -> Int32:
    """Rows int32 [C], ascending, of a share of the items that somebody took."""
    taken = np.unique(log.rows)
    count = round(share * len(taken))
    return np.sort(np.random.default_rng([seed, 12]).permutation(taken)[:count]).astype(np.int32)


def cold_items(
    log: InteractionLog,
    config: TrainingConfig,
    store: Path,
    report: Callable[[Progress], None],
    share: float,
    version: str,
    contents: Contents | None = None,
) -> ColdItems:
    """Fit a bundle without the cold items into ``store`` and rank them for those who met them.

    contents: by the events of the log without repeats, where these tell of items; else the log needs some.
    Raises DatasetError where nothing is known of enough items or nobody can be asked, and what fit_bundle raises.
    """
    started = time.perf_counter()
    log = log.without_repeats()
    cold = choose_cold(log, share, config.seed)
    asked = np.isin(log.rows, cold)
    if contents is not None:
        asked &= _asked_users(log.user_count, config.seed)[log.users()]
        log = replace(log, contents=contents(~asked))
    known = log.contents or ()
    warm = without_items(log, cold)
    if not len(cold) or not any(known):
        raise DatasetError("cold items need items of which something is known: texts, categories or numbers")
    manifest = fit_bundle(warm, config, store, version, report)
    fitted = time.perf_counter()
    bundle = store / manifest.version
    content_map = ContentMap.load(bundle)
    if content_map is None:
        raise DatasetError("too little is known of the items to place new ones")
    met = log.only(asked)
    users = np.flatnonzero((np.diff(met.starts) > 0) & (np.diff(warm.starts) > 0)).astype(np.int32)
    if not len(users):
        raise DatasetError("nobody is left to ask: cold items need users who met one of them and something else")
    of_cold = [known[row] for row in cold]
    if log.texts is not None:
        of_cold = with_tuned_text(bundle, of_cold, [log.texts[row] for row in cold])
    scores = {"ranker": newcomer_scores(bundle, warm, users, content_map, of_cold)}
    scores |= _content_neighbours(log, known, cold, users)
    scores["random"] = np.random.default_rng([config.seed, 13]).random((len(users), len(cold)), dtype=np.float32)
    report(Progress("test", 1.0))
    relevant = pad_lists([met.sequence(int(user)) for user in users], int(np.diff(met.starts).max()))
    lists = {name: cold[np.argsort(-of_list, axis=1, kind="stable")] for name, of_list in scores.items()}
    test = {
        name: with_standard_errors(
            {"ndcg@10": by_user.ndcg(rows, relevant, 10), "recall@10": by_user.recall(rows, relevant, 10)}
        )
        for name, rows in lists.items()
    }
    seconds = {"fit": round(fitted - started, 1), "test": round(time.perf_counter() - fitted, 1)}
    return ColdItems(manifest, test, cold, users, lists["ranker"], sum(map(bool, known)), seconds)


def assist_cold_items(log: InteractionLog, config: TrainingConfig, share: float) -> None:
    """What cold_items of the same arguments needs of every other process. Raises what assist_fit raises."""
    log = log.without_repeats()
    assist_fit(without_items(log, choose_cold(log, share, config.seed)).without_repeats(), config)


def _asked_users(count: int, seed: int) -> Bools:
    """Bool [U]: the half that is asked."""
    asked: Bools = np.random.default_rng([seed, 18]).random(count) < _ASKED
    return asked


def _content_neighbours(
    log: InteractionLog, contents: Sequence[ItemContent], cold: Int32, users: Int32
) -> dict[str, Float32]:
    """float32 [U, C] by kind: what the vectors of each modality can do without having learnt anything."""
    found: dict[str, Float32] = {}
    is_cold = np.zeros(log.item_count + 1, dtype=np.bool_)
    is_cold[cold] = True
    modalities = sorted({name for content in contents for name in content.vectors})
    for name in modalities:
        ending = f"_{name}" if len(modalities) > 1 else ""
        width = next(len(content.vectors[name]) for content in contents if name in content.vectors)
        raw = np.stack([_unit(content.vectors.get(name, np.zeros(width, np.float32))) for content in contents])
        known = raw.any(axis=1) & ~is_cold
        centred = np.stack([_unit(row) for row in (raw - raw[known].mean(axis=0)) * raw.any(axis=1, keepdims=True)])
        made = {kind: np.zeros((len(users), len(cold)), dtype=np.float32) for kind in ("", "_centred", "_top")}
        for place, user in enumerate(users):
            taken = log.sequence(int(user))
            taken = taken[~is_cold[taken]]
            cosines = raw[cold] @ raw[taken].T
            made[""][place] = cosines.mean(axis=1)
            made["_top"][place] = np.sort(cosines, axis=1)[:, -_NEIGHBOURS:].sum(axis=1)
            made["_centred"][place] = (centred[cold] @ centred[taken].T).mean(axis=1)
        found |= {f"content_knn{kind}{ending}": scores for kind, scores in made.items()}
    return found


def _unit(vector: Float32) -> Float32:
    length = float(np.linalg.norm(vector))
    return (vector / length).astype(np.float32) if length > 0 else vector.astype(np.float32)
