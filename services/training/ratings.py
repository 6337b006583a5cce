"""Ratings: how near to what people will say of an item is what is foretold, of known items and of cold ones.

A random tenth of the ratings is the test and another validation. Items are then taken out of training altogether, and
their ratings foretold from what they are. Nothing reads the rating, or the event, that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import regression
from services.training.cold_items import choose_cold
from services.training.rating_answers import Float64, by_neighbours, matrix_factors
from services.training.readable_contents import Bools, Contents
from services.training.steps.bundle import DatasetError
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_checkpoint import fingerprint
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.fit_heads import fit_heads, foretold, refit_heads
from services.training.steps.fit_progress import Progress, ProgressReport
from services.training.steps.fit_ratings import fit_ratings, refit_ratings
from services.training.steps.fit_to_data import fitting
from services.training.steps.fit_transformer import Schedule, finish, fit_validated, new_encoder
from services.training.steps.leak_check import LeakError
from services.training.steps.rating_biases import RatingBiases
from services.training.steps.suitable_heads import RATING_HEAD, suitable_heads

PROTOCOL = "ratings"
_ASKED = 0.5
_STAGES = {"transformer": 60.0, "finish": 5.0, "heads": 25.0, "cold items": 10.0}


@dataclass(frozen=True, slots=True)
class Ratings:
    """What came out.

    test, cold: figures by answer, of the random test and of the cold items' ratings; empty where too little is known
    of items to foretell cold ones. counts: of ratings by part. chosen: what validation chose.
    """

    test: dict[str, dict[str, float]]
    cold: dict[str, dict[str, float]]
    counts: dict[str, int]
    chosen: dict[str, Any]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures; equal for equal runs but for "seconds"."""
        return {
            "protocol": PROTOCOL,
            "ratings": self.counts,
            "test": self.test,
            "cold": self.cold,
            "chosen": self.chosen,
            "seconds": self.seconds,
        }


def foretell_ratings(
    log: InteractionLog,
    config: TrainingConfig,
    work: Path,
    report: Callable[[Progress], None],
    share: float,
    cold_share: float,
    contents: Contents | None = None,
) -> Ratings:
    """Measure on the log's ratings. share: of the ratings, for the test and for validation each; cold_share: of items.

    log: without repeats. contents: by default the log's. work: where the Transformer's checkpoint is kept.
    Raises DatasetError where there are no ratings to foretell.
    """
    known = contents or (lambda _: log.contents)
    rated = np.zeros(len(log), np.bool_) if log.values is None else np.isfinite(log.values)
    if not any(head.type is None for head in suitable_heads(log)):
        raise DatasetError("there are too few ratings to foretell, or they do not differ")
    steps = ProgressReport(report, lambda: False, _STAGES)
    parts = np.random.default_rng([config.seed, 14]).permutation(np.flatnonzero(rated))
    count = round(share * len(parts))
    test, validation = (_mask(log, parts[start : start + count]) for start in (0, count))
    found, chosen = _of_known(log, test, validation, known, config, work, steps)
    steps.enter("cold items")
    cold, cold_chosen, cold_count = _of_cold(log, rated, known, config, share, cold_share)
    steps.advance(1.0)
    steps.enter("cold items")
    counts = {"all": int(rated.sum()), "validation": count, "test": count, "cold": cold_count}
    chosen |= {"content": cold_chosen} if cold else {}
    return Ratings(found, cold, counts, chosen, steps.seconds)


def held_out(log: InteractionLog, asked: Bools, read: Bools, contents: Contents) -> HeldOut:
    """The ratings where ``asked`` (bool [E]), to be foretold from the events where ``read``, and from the contents."""
    assert log.values is not None
    if (asked & read).any():
        raise LeakError("a rating that is asked for is among what is learnt from")
    learnt = replace(log.only(read), contents=contents(read))
    return HeldOut(learnt, log.users()[asked], log.rows[asked], log.values[asked])


def _of_known(
    log: InteractionLog,
    test: Bools,
    validation: Bools,
    contents: Contents,
    config: TrainingConfig,
    work: Path,
    steps: ProgressReport,
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    choosing = held_out(log, validation, ~test & ~validation, contents)
    final = held_out(log, test, ~test, contents)
    train, rest = choosing.log, final.log
    config = fitting(config, train)
    settings = config.transformer
    encoder = new_encoder(train, config)
    schedule = Schedule(0, settings.epochs, settings.learning_rate)
    steps.enter("transformer")
    split = hold_out_last(train)
    fit_validated(split, config, encoder, schedule, steps, work / "transformer.pt", fingerprint(train, config, ""))
    validated = encoder.folded()
    if settings.finish_epochs:
        finish(rest, config, encoder, steps)
    finished = encoder.folded()
    steps.enter("heads")
    biases = RatingBiases.of(rest)
    answers = {
        "global_mean": np.full(len(final.users), biases.mean),
        "biases": biases.foretold(final.users, final.targets),
    }
    answers["matrix_factors"], factors = matrix_factors(choosing, final, config.seed)
    chosen: dict[str, Any] = {"matrix_factors": factors}
    steps.advance(0.2)
    owners = np.arange(log.user_count, dtype=np.int32)
    vectors = user_vectors(finished, rest, owners)[final.users]
    for place, name in enumerate(("head_without_content", "head")):
        fewer, more = (known if place else replace(known, contents=None) for known in (train, rest))
        fitted = fit_heads(replace(choosing, log=fewer), validated, config.content_map, config.seed)
        assert fitted is not None, "there is a rating head"
        last = refit_heads(more, finished, config.seed, fitted)
        column = [head.name for head in last.heads.heads].index(RATING_HEAD)
        answers[name] = foretold(last.heads, rest, final.users, final.targets, vectors, finished)[:, column]
        chosen[name] = last.facts()
        steps.advance(0.2 + 0.4 * (place + 1))
    return _figures(final, answers), chosen


def _of_cold(
    log: InteractionLog, rated: Bools, contents: Contents, config: TrainingConfig, share: float, cold_share: float
) -> tuple[dict[str, dict[str, float]], dict[str, Any] | None, int]:
    """Figures of items without any training rating, what was chosen, and the number of ratings asked for.

    What half of a cold item's people wrote may be read, if anything was written; the others are asked.
    """
    random = np.random.default_rng([config.seed, 17])
    is_cold = np.isin(log.rows, choose_cold(log, cold_share, config.seed))
    warm = random.permutation(np.flatnonzero(rated & ~is_cold))
    validation = _mask(log, warm[: round(share * len(warm))])
    asked = rated & is_cold & (random.random(len(log)) < _ASKED)
    choosing = held_out(log, validation, ~is_cold & ~validation, contents)
    final = held_out(log, asked, ~is_cold, contents)
    known = contents(~asked & ~validation) or ()
    has_more = (np.diff(final.log.starts) > 0)[final.users] & np.array(
        [bool(known and known[row]) for row in final.targets], dtype=np.bool_
    )
    assert final.values is not None
    final = HeldOut(final.log, final.users[has_more], final.targets[has_more], final.values[has_more])
    fitted = fit_ratings(choosing, config.content_map, config.seed)
    last = refit_ratings(final.log, config.seed, fitted)
    if last.content is None or not len(final.users):
        return {}, None, 0
    biases = RatingBiases.of(final.log)
    of_users = last.factors.users(final.log)
    items = last.content.items(known)
    features = last.content.space.features(known)
    answers = {
        "global_mean": np.full(len(final.users), biases.mean),
        "user_bias": biases.foretold(final.users, np.zeros_like(final.targets)),
        "content_knn": by_neighbours(final, features, biases),
        "head": last.factors.foretold_of(of_users, final.users, items[final.targets]),
    }
    return _figures(final, answers), last.facts(), len(final.users)


def _mask(log: InteractionLog, places: NDArray[np.int64]) -> Bools:
    mask = np.zeros(len(log), dtype=np.bool_)
    mask[places] = True
    return mask


def _figures(final: HeldOut, answers: dict[str, Float64]) -> dict[str, dict[str, float]]:
    assert final.values is not None
    return {name: regression.with_standard_errors(final.values, found) for name, found in answers.items()}
