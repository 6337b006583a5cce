"""Fine-tunes the text encoder together with the Transformer, so that texts say who takes an item.

Each step goes on with the Transformer's own training (next item, every position), and drops the ids of a few items:
where one of these was taken next, what the text tower makes of its text stands in its place among all items, and has
to win. One optimiser moves both. A fifth of the described items is never shown to the tower: on these, the content map
is chosen afterwards, so that whether the tuned texts help is told by items they were not learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from services.core.content_space import Float32, ItemContent, with_vectors
from services.core.text_encoder_files import TUNED_TEXT
from services.training.model.encoder import SequenceEncoder
from services.training.model.text_tower import TextTower, TowerShape
from services.training.steps import data_parallel
from services.training.steps.evaluate_encoder import encoder_ndcg
from services.training.steps.examples import HeldOut, Int64, InteractionLog
from services.training.steps.examples_packing import PackedEvents, batch_rows
from services.training.steps.fit_config import TEXT_TASKS, TextTuningConfig, TrainingConfig
from services.training.steps.fit_content_map import LearntModality
from services.training.steps.fit_content_space import content_space
from services.training.steps.fit_progress import PartOfStage, ProgressReport
from services.training.steps.fit_transformer import Schedule, Trainer
from services.training.text_encoder.export import LoadedTextEncoder, load_text_encoder

CATEGORY, RATING = TEXT_TASKS

_FOLDS = 5
_LEAST_ITEMS = 100
_TEXTS_AT_ONCE = 32
_STAGE = 3
# Shares of the stage that are done before and after the epochs.
_BEFORE, _AFTER = 0.1, 0.85


@dataclass(frozen=True, slots=True)
class TunedTextEncoder:
    """What was learnt.

    loaded: the encoder with its new weights. vectors: float32 [N+1, C] of the log's items, zeros where one says
    nothing. hidden: int64, rows of the items that it never saw. facts: what a person may ask.
    """

    loaded: LoadedTextEncoder
    vectors: Float32
    hidden: Int64
    facts: dict[str, Any]

    @property
    def learnt(self) -> LearntModality:
        """What the content map has to know of the vectors."""
        return LearntModality(TUNED_TEXT, self.hidden)

    def encode(self, texts: Sequence[str]) -> Float32:
        """float32 [K, C] of cleaned texts, zeros for empty ones."""
        tokens = _Tokens(self.loaded, texts)
        filled = np.array([place for place, text in enumerate(texts) if text], dtype=np.int64)
        made = np.zeros((len(texts), self.loaded.width), dtype=np.float32)
        made[filled] = _encoded(self.loaded.module, self.loaded.width, tokens, filled, lambda _: None)
        return made

    def with_vectors(self, contents: Sequence[ItemContent]) -> list[ItemContent]:
        """The contents of the log's items with one modality more."""
        return with_vectors(contents, TUNED_TEXT, self.vectors)


def tune_text_encoder(
    split: HeldOut, config: TrainingConfig, encoder: SequenceEncoder, report: ProgressReport
) -> TunedTextEncoder | None:
    """Tune, and leave in ``encoder`` what validates best: its weights before, or those after.

    None where too few of the items that somebody took say anything. Every process of the training must call it.
    Raises TextEncoderError, TrainingStoppedError.
    """
    log, settings = split.log, config.text_tuning
    counts = np.bincount(log.rows, minlength=log.item_count + 1)
    texts = log.texts or ()
    says = np.zeros(len(counts), dtype=np.bool_)
    says[: len(texts)] = [bool(text) for text in texts]
    known = np.flatnonzero(says & (counts > 0))
    if len(known) < _LEAST_ITEMS:
        return None
    folds = np.random.default_rng([config.seed, 17]).permutation(len(known)) % _FOLDS
    hidden, shown = known[folds == 0], known[folds != 0]
    loaded = load_text_encoder(settings.model)
    # What it has learnt to read: serving cuts where learning did.
    loaded = replace(loaded, max_tokens=min(loaded.max_tokens, settings.max_tokens))
    texts_of = _Tokens(loaded, texts)
    categories = _categories(log, shown) if CATEGORY in settings.tasks else None
    rates = RATING in settings.tasks and log.values is not None and bool(np.isfinite(log.values).any())
    shape = TowerShape(loaded.width, encoder.shape.width, 0 if categories is None else categories.shape[1], rates)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        tower = TextTower(loaded.module, shape, settings.layers).to(data_parallel.device())
        tower.eval()
        report.enter("texts")
        start = _encoded(tower, loaded.width, texts_of, shown, lambda share: report.advance(_BEFORE * share))
        with torch.no_grad():
            vectors = encoder.item_vectors()[torch.from_numpy(shown)]
        tower.start_from(torch.from_numpy(start), vectors.cpu(), settings.penalty)
        trainer = _JointTrainer(log, config, encoder, tower, shown, texts_of, categories)
        losses = [trainer.run_epoch(epoch, PartOfStage(report, _BEFORE, _AFTER)) for epoch in range(settings.epochs)]
        tower.eval()
    ndcgs = _keep_better(split, config, encoder, before, trainer.average.snapshot())
    spoken = np.flatnonzero(says)
    made = np.zeros((len(counts), loaded.width), dtype=np.float32)
    made[spoken] = _encoded(
        tower, loaded.width, texts_of, spoken, lambda share: report.advance(_AFTER + (1 - _AFTER) * share)
    )
    facts = {
        "model": loaded.name,
        "items": len(shown),
        "tasks": [task for task, on in ((CATEGORY, categories is not None), (RATING, rates)) if on],
        "losses": [round(loss, 4) for loss in losses],
        **ndcgs,
    }
    tower.requires_grad_(False).cpu()
    return TunedTextEncoder(loaded, made, hidden, facts)


class _Tokens:
    """The texts of a log as tokens."""

    def __init__(self, loaded: LoadedTextEncoder, texts: Sequence[str]) -> None:
        self._padding = int(loaded.tokenizer.pad_token_id or 0)
        given = loaded.tokenizer(list(texts), truncation=True, max_length=loaded.max_tokens, padding=False)
        self._ids: list[list[int]] = given["input_ids"]

    def length(self, row: int) -> int:
        """How many tokens."""
        return len(self._ids[row])

    def batch(self, rows: Int64, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """input_ids and attention_mask, int64 [B, T]."""
        chosen = [self._ids[row] for row in rows.tolist()]
        longest = max(len(ids) for ids in chosen)
        tokens = torch.full((len(chosen), longest), self._padding, dtype=torch.int64)
        mask = torch.zeros_like(tokens)
        for place, ids in enumerate(chosen):
            tokens[place, : len(ids)] = torch.tensor(ids, dtype=torch.int64)
            mask[place, : len(ids)] = 1
        return tokens.to(device), mask.to(device)


class _JointTrainer(Trainer):
    """Goes on with the Transformer's training while a text tower learns to stand for its items."""

    def __init__(
        self,
        log: InteractionLog,
        config: TrainingConfig,
        encoder: SequenceEncoder,
        tower: TextTower,
        shown: Int64,
        texts: _Tokens,
        categories: Float32 | None,
    ) -> None:
        """shown: int64, rows whose texts are learnt from. categories: float32 [N+1, K], or None without that task."""
        settings = config.text_tuning
        super().__init__(log, config, encoder, Schedule(_STAGE, settings.epochs, settings.ranker_rate))
        self._tuning: TextTuningConfig = settings
        self._tower = tower
        self._texts = texts
        self._categories = None if categories is None else torch.from_numpy(categories).to(self._device)
        self._used = np.full(log.item_count + 1, np.iinfo(np.int64).max)
        self._used[shown] = 0
        learning = [value for value in tower.encoder.parameters() if value.requires_grad]
        heads = [value for name, value in tower.named_parameters() if not name.startswith("encoder.")]
        self._parameters += [*learning, *heads]
        self._optimizer.add_param_group({"params": learning, "highest": settings.learning_rate, "weight_decay": 0.01})
        self._optimizer.add_param_group({"params": heads, "highest": settings.head_rate, "weight_decay": 0.0})
        values = log.values if tower.shape.ratings else None
        self._ratings = None if values is None else torch.from_numpy(values - np.nanmean(values)).float()
        self._dropped: Int64 = np.empty(0, dtype=np.int64)

    def run_epoch(self, epoch: int, report: ProgressReport | PartOfStage) -> float:
        """As of the Transformer's training."""
        self._tower.train()
        try:
            return super().run_epoch(epoch, report)
        finally:
            self._tower.eval()

    def _descend(self, rows: PackedEvents, sampling: np.random.Generator) -> float:
        self._dropped = self._choose(rows, sampling)
        return super()._descend(rows, sampling)

    def _choose(self, rows: PackedEvents, sampling: np.random.Generator) -> Int64:
        """Items that are taken next somewhere in ``rows``, those first whose turn came least often so far."""
        there = np.unique(self._log.rows[rows.targets[rows.targets >= 0]]).astype(np.int64)
        there = sampling.permutation(there[self._used[there] < np.iinfo(np.int64).max])
        chosen = np.sort(there[np.argsort(self._used[there], kind="stable")[: self._tuning.items_per_step]])
        self._used[chosen] += 1
        return chosen

    def _loss(self, rows: PackedEvents, sampling: np.random.Generator) -> torch.Tensor:
        batch = batch_rows(self._log, rows).to(self._device)
        filled = batch.segments > 0
        vectors = self._encoder.item_vectors()
        states = self._encoder(batch.items, batch.events, batch.segments, vectors)[filled]
        targets, seen = batch.targets[filled], batch.seen(filled)
        loss = self._next_item_loss(states, vectors, targets, seen, sampling)
        if not len(self._dropped):
            return loss
        dropped = torch.from_numpy(self._dropped).to(self._device)
        texts = self._tower(*self._texts.batch(self._dropped, self._device))
        place = torch.full((len(vectors),), -1, dtype=torch.int64, device=self._device)
        place[dropped] = torch.arange(len(dropped), device=self._device)
        places = place[targets]
        of_dropped = places >= 0
        standing_in = vectors.index_copy(0, dropped, self._tower.projection(texts))
        loss = loss + self._next_item_loss(
            states[of_dropped], standing_in, targets[of_dropped], _only(seen, of_dropped), sampling
        )
        weight = self._tuning.task_weight
        if self._categories is not None:
            loss = loss + weight * self._tower.category_loss(texts, self._categories[dropped])
        if self._ratings is not None:
            events = torch.from_numpy(rows.targets)[filled.cpu()][of_dropped.cpu()]
            ratings = self._ratings[events].to(self._device)
            rated = torch.isfinite(ratings)
            loss = loss + weight * self._tower.rating_loss(
                texts[places[of_dropped][rated]], states[of_dropped][rated], ratings[rated]
            )
        return loss


def _only(seen: tuple[torch.Tensor, torch.Tensor], kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (position, item) of the positions kept, bool [P], which are numbered anew."""
    positions, items = seen
    numbers = torch.cumsum(kept, dim=0) - 1
    chosen = kept[positions]
    return numbers[positions[chosen]], items[chosen]


def _categories(log: InteractionLog, rows: Int64) -> Float32 | None:
    """float32 [N+1, K], 1 where an item is of the category; None without any category."""
    contents = log.contents or ()
    if not len(contents):
        return None
    names = content_space([contents[row] for row in rows]).categories
    places = {name: place for place, name in enumerate(names)}
    known = np.zeros((log.item_count + 1, len(names)), dtype=np.float32)
    for row, content in enumerate(contents):
        known[row, [places[name] for name in content.categories if name in places]] = 1.0
    return known if len(names) else None


@torch.no_grad()
def _encoded(encoder: nn.Module, width: int, texts: _Tokens, rows: Int64, done: Callable[[float], None]) -> Float32:
    """float32 [K, C]: text vectors of the rows."""
    made = np.zeros((len(rows), width), dtype=np.float32)
    device = next(encoder.parameters()).device
    order = np.argsort([texts.length(row) for row in rows.tolist()], kind="stable")
    for start in range(0, len(order), _TEXTS_AT_ONCE):
        part = order[start : start + _TEXTS_AT_ONCE]
        made[part] = encoder(*texts.batch(rows[part], device)).cpu().numpy()
        done(min(1.0, (start + _TEXTS_AT_ONCE) / len(order)))
    return made


def _keep_better(
    split: HeldOut,
    config: TrainingConfig,
    encoder: SequenceEncoder,
    before: Mapping[str, torch.Tensor],
    after: Mapping[str, torch.Tensor],
) -> dict[str, float]:
    """Leave in the encoder whichever weights validate better; return the NDCG@10 of both."""
    found: dict[str, float] = {}
    for name, weights in (("ndcg_before", before), ("ndcg_after", after)):
        encoder.load_state_dict(weights)
        encoder.eval()
        measured = (
            encoder_ndcg(encoder, split, config.transformer.validation_users) if data_parallel.is_first() else 0.0
        )
        found[name] = data_parallel.from_first(measured)
    if found["ndcg_before"] >= found["ndcg_after"]:
        encoder.load_state_dict(before)
    return found
