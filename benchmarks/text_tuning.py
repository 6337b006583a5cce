"""What fine-tuning the text encoder with the ranker brings, and each further task: an ablation on cold items.

    python benchmarks/text_tuning.py movielens-100k --seed 101 --descriptions plots.jsonl --epochs 2

A tenth of the items is taken out of all training. The Transformer is trained once, without them; then each variant
goes on from there, gets a content map of its own, and ranks the cold items for the users who met them. Beside NDCG@10
stand the difference to the frozen encoder for the same users, what the Transformer is worth on known items before and
after (the better weights are kept), and the weight of the tuned texts in the map, 0 where validation found no use.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.progress import progress
from services.cli.readers.descriptions import read_descriptions
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent, whitened, with_vectors
from services.core.item_index import ItemIndex
from services.core.metrics import by_user
from services.core.text_encoder_files import TUNED_TEXT
from services.training.cold_items import choose_cold
from services.training.model.encoder import SequenceEncoder
from services.training.steps.bundle_weights import load_weights
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_config import TextTuningConfig, TrainingConfig
from services.training.steps.fit_content_map import fit_content_map
from services.training.steps.fit_progress import ProgressReport
from services.training.steps.fit_to_data import fitting
from services.training.steps.fit_transformer import Schedule, fit_validated, new_encoder
from services.training.steps.tune_text_encoder import TunedTextEncoder, tune_text_encoder
from services.training.steps.without_items import without_items

VARIANTS: tuple[tuple[str, ...], ...] = ((), ("category",), ("rating",), ("category", "rating"))


@dataclass(frozen=True, slots=True)
class Test:
    """The cold items, int32 [C], rows of ``log``, and the users who met them, int32 [U]."""

    log: InteractionLog
    warm: InteractionLog
    cold: NDArray[np.int32]
    users: NDArray[np.int32]

    def ndcgs(
        self, content_map: ContentMap, contents: Sequence[ItemContent], encoder: SequenceEncoder
    ) -> NDArray[np.float64]:
        """float64 [U]: NDCG@10 of the cold items by their C contents."""
        histories = self.warm.newest_rows(self.users, encoder.shape.max_history)
        queries = content_map.queries(user_vectors(encoder, self.warm, self.users), histories)
        scores = queries @ content_map.vectors(contents).T
        ranked = self.cold[np.argsort(-scores, axis=1, kind="stable")]
        taken = [np.intersect1d(self.log.sequence(int(user)), self.cold) for user in self.users]
        relevant = np.zeros((len(taken), max(map(len, taken))), np.int32)
        for place, rows in enumerate(taken):
            relevant[place, : len(rows)] = rows
        return np.asarray(by_user.ndcg(ranked, relevant, 10), np.float64)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--descriptions", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold-share", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--bundle", type=Path, help="of `trommel evaluate --protocol cold-items --keep`, to start from its Transformer"
    )
    given = parser.parse_args()
    read = read_log(open_dataset(given.dataset, None))
    told = read_descriptions(given.descriptions, read.items) if given.descriptions else {}
    log = with_contents(read.log, {**read.items, **told}, None, given.threads).without_repeats()
    cold = choose_cold(log, given.cold_share, given.seed)
    warm = without_items(log, cold).without_repeats()
    met = np.unique(log.users()[np.isin(log.rows, cold)])
    test = Test(log, warm, cold, met[np.diff(warm.starts)[met] > 0].astype(np.int32))
    config = fitting(TrainingConfig(seed=given.seed, threads=given.threads), warm)
    split = hold_out_last(warm)
    encoder = _trained(split, config) if given.bundle is None else _kept(warm, config, given.bundle)
    contents = log.contents or ()
    of_cold = [contents[row] for row in cold]
    frozen = test.ndcgs(_mapped(warm, encoder, config, None), of_cold, encoder.folded())
    print(f"{len(cold)} cold items, {len(test.users)} users who met them, seed {given.seed}")
    print(f"{'frozen':<32}{frozen.mean():.4f} ± {_error(frozen):.4f}")
    for tasks in VARIANTS:
        tuning = TextTuningConfig(epochs=given.epochs, tasks=tasks, layers=given.layers)
        name = " + ".join(("fine-tuned", *tasks))
        started = time.perf_counter()
        own = copy.deepcopy(encoder)
        with progress(name, total=1.0) as shown:
            report = ProgressReport(lambda now: shown.update(now.fraction, now.stage), lambda: False, {"texts": 1.0})
            tuned = tune_text_encoder(split, replace(config, text_tuning=tuning), own, report)
        if tuned is None:
            raise SystemExit("too few items say anything: give --descriptions")
        richer = with_vectors(of_cold, TUNED_TEXT, tuned.encode([(log.texts or ())[row] for row in cold]))
        content_map = _mapped(warm, own, config, tuned)
        weight = sum(content_map.space.weights.get(part, 0.0) for part in (TUNED_TEXT, whitened(TUNED_TEXT)))
        together = content_map.cooccurrence
        found = test.ndcgs(content_map, richer, own.folded())
        more = found - frozen
        print(
            f"{name:<32}{found.mean():.4f} ± {_error(found):.4f}  {more.mean():+.4f} ± {_error(more):.4f}  "
            f"Transformer {tuned.facts['ndcg_before']:.4f} → {tuned.facts['ndcg_after']:.4f}  weight {weight:.2f}  "
            f"co-occurrence {0 if together is None else together.weight:g}  "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def _trained(split: HeldOut, config: TrainingConfig) -> SequenceEncoder:
    encoder = new_encoder(split.log, config)
    settings = config.transformer
    with progress("transformer", total=1.0) as shown, tempfile.TemporaryDirectory() as scratch:
        report = ProgressReport(
            lambda now: shown.update(now.fraction, f"NDCG@10 {now.validation_ndcg or 0:.4f}"),
            lambda: False,
            {"transformer": 1.0},
        )
        schedule = Schedule(0, settings.epochs, settings.learning_rate)
        return fit_validated(split, config, encoder, schedule, report, Path(scratch, "state.pt"), "").encoder


def _kept(warm: InteractionLog, config: TrainingConfig, bundle: Path) -> SequenceEncoder:
    """The encoder of a bundle that was trained on the same log; its items have taken their attributes in."""
    plain = new_encoder(warm, config).folded()
    encoder = SequenceEncoder(plain.shape, config.transformer.dropout, events=plain.event_inputs.scale)
    if ItemIndex.load(bundle).item_count != warm.item_count or not load_weights(encoder, warm.item_ids, bundle):
        raise SystemExit(f"{bundle} is not of this data set, seed and share")
    return encoder


def _mapped(
    warm: InteractionLog, encoder: SequenceEncoder, config: TrainingConfig, tuned: TunedTextEncoder | None
) -> ContentMap:
    log, learnt = warm, None
    if tuned is not None:
        log, learnt = replace(warm, contents=tuned.with_vectors(warm.contents or ())), tuned.learnt
    fitted = fit_content_map(log, encoder.folded(), config.content_map, config.seed, learnt)
    if fitted is None:
        raise SystemExit("too little is known of the items")
    return fitted.content_map


def _error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
