"""Fits the heads beside the score on what the encoder has learnt, which stays as it is: so no order changes.

An example is an event: the user vector of the history before it, its item, and what the event was. How long to go on
is decided on the held-out events; then the same again on everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from services.core.history_events import FEATURES
from services.training.model.action_heads import ActionHead, ActionHeads
from services.training.model.encoder import SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import HeldOut, Int32, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_ratings import FittedRatings, fit_ratings, refit_ratings
from services.training.steps.head_examples import HeadExamples
from services.training.steps.rating_biases import PRIOR
from services.training.steps.rating_factors import penalties
from services.training.steps.suitable_heads import suitable_heads, wanted_of

Float32 = NDArray[np.float32]

_USERS_AT_ONCE = 64
_EPOCHS = 40
_PATIENCE = 4
_BATCH = 2048
_LEARNING_RATE = 3e-3
_PENALTIES = (0.03, 0.3)
_DECAY = 0.1


@dataclass(frozen=True, slots=True)
class FittedHeads:
    """The heads, and how they were fitted: epochs, penalty and their loss on the held-out events.

    ratings: what a rating head begins with, None without one.
    """

    heads: ActionHeads
    epochs: int
    penalty: float
    validation_loss: float
    ratings: FittedRatings | None = None

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "heads": [head.name for head in self.heads.heads],
            "epochs": self.epochs,
            "penalty": self.penalty,
            "validation_loss": self.validation_loss,
            "ratings": self.ratings.facts() if self.ratings is not None else None,
        }


def fit_heads(split: HeldOut, encoder: SequenceEncoder, settings: ContentMapConfig, seed: int) -> FittedHeads | None:
    """Heads of the split's log, chosen on what it holds out; None where there is nothing to foretell.

    encoder: without attributes (``folded``).
    """
    heads = suitable_heads(split.log)
    if not heads:
        return None
    examples = HeadExamples.of(split.log, encoder, seed)
    rated = any(head.type is None for head in heads)
    begin = _Beginning.of(heads, split.log, fit_ratings(split, settings, seed) if rated else None)
    held = _HeldOut.of(split, encoder)
    best: FittedHeads | None = None
    for penalty in _PENALTIES:
        fitted = _fit(heads, examples, encoder, begin, seed, penalty, _EPOCHS, held)
        if best is None or fitted.validation_loss < best.validation_loss:
            best = fitted
    return best


def refit_heads(log: InteractionLog, encoder: SequenceEncoder, seed: int, chosen: FittedHeads) -> FittedHeads:
    """The same heads, fitted as it was chosen on all of a log."""
    heads = suitable_heads(log)
    if [head.name for head in heads] != [head.name for head in chosen.heads.heads]:
        heads = chosen.heads.heads
    ratings = None if chosen.ratings is None else refit_ratings(log, seed, chosen.ratings)
    begin = _Beginning.of(heads, log, ratings)
    fitted = _fit(heads, HeadExamples.of(log, encoder, seed), encoder, begin, seed, chosen.penalty, chosen.epochs, None)
    return replace(fitted, validation_loss=chosen.validation_loss)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Where fitting begins. biases: float32 [N+1, H], of ratings in deviations, of types as log-odds.

    The biases are what an item's events say beyond the mean, drawn towards it, or towards what the content says.
    """

    biases: Float32
    ratings: FittedRatings | None

    @classmethod
    def of(cls, heads: Sequence[ActionHead], log: InteractionLog, ratings: FittedRatings | None) -> _Beginning:
        biases = np.zeros((log.item_count + 1, len(heads)), dtype=np.float32)
        for place, head in enumerate(heads):
            if head.type is None:
                if ratings is not None:
                    biases[:, place] = ratings.factors.items[:, 0] / head.deviation
                continue
            counts = np.bincount(log.rows, minlength=log.item_count + 1)
            happened = np.bincount(log.rows, wanted_of(head, None, log.types), len(counts))
            shares = (happened + PRIOR * head.mean) / (counts + PRIOR)
            biases[:, place] = np.log(shares / (1 - shares)) - np.log(head.mean / (1 - head.mean))
        # Row 0 is whatever no row is known of.
        biases[0] = 0.0
        return cls(biases, ratings)

    def heads(self, heads: Sequence[ActionHead], encoder: SequenceEncoder) -> ActionHeads:
        """New heads with these biases."""
        factors = of_squares = None
        if self.ratings is not None:
            items = self.ratings.factors.items
            factors = torch.from_numpy(items[:, 1:].astype(np.float32))
            factors[0] = 0.0
            weights = penalties(items.shape[1] - 1, self.ratings.factors.penalty)
            of_squares = torch.from_numpy(weights.astype(np.float32))
        model = ActionHeads(heads, encoder.shape.item_count, encoder.shape.width, factors, of_squares)
        with torch.no_grad():
            model.item_bias.copy_(torch.from_numpy(self.biases))
        return model


@torch.no_grad()
def foretold(
    heads: ActionHeads, log: InteractionLog, users: Int32, rows: Int32, vectors: Float32, encoder: SequenceEncoder
) -> Float32:
    """float32 [U, H]: of users of the log with their vectors float32 [U, D], each for one item, int32 [U]."""
    answers = np.zeros((len(users), len(heads.heads)), dtype=np.float32)
    _, firsts, owners = np.unique(users, return_index=True, return_inverse=True)
    for start in range(0, len(firsts), _USERS_AT_ONCE):
        chosen = firsts[start : start + _USERS_AT_ONCE]
        histories = [log.newest(int(user), encoder.shape.max_history) for user in users[chosen]]
        of_each = [np.flatnonzero(owners == start + place) for place in range(len(chosen))]
        length = max(1, *(len(items) for items, _ in histories))
        read = np.zeros((len(chosen), length), dtype=np.int64)
        events = np.zeros((len(chosen), length, len(FEATURES)), dtype=np.float32)
        asked = np.zeros((len(chosen), max(len(places) for places in of_each)), dtype=np.int64)
        for place, (items, of_items) in enumerate(histories):
            read[place, length - len(items) :], events[place, length - len(items) :] = items, of_items
            asked[place, : len(of_each[place])] = rows[of_each[place]]
        candidates = torch.from_numpy(asked)
        found = heads(
            torch.from_numpy(read),
            torch.from_numpy(events),
            torch.from_numpy(vectors[chosen]),
            candidates,
            encoder.items.weight[candidates],
        ).numpy()
        for place, places in enumerate(of_each):
            answers[places] = found[place, : len(places)]
    return answers


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """The held-out events: users of ``log`` with their vectors, items, values and types."""

    split: HeldOut
    vectors: Float32

    @classmethod
    def of(cls, split: HeldOut, encoder: SequenceEncoder) -> _HeldOut:
        return cls(split, user_vectors(encoder, split.log, split.users))

    def loss(self, heads: ActionHeads, encoder: SequenceEncoder) -> float:
        answers = foretold(heads, self.split.log, self.split.users, self.split.targets, self.vectors, encoder)
        total = 0.0
        for place, head in enumerate(heads.heads):
            wanted = wanted_of(head, self.split.values, self.split.types)
            known = np.isfinite(wanted)
            if not known.any():
                continue
            found = answers[known, place].astype(np.float64)
            if head.type is None:
                total += float(np.mean(((found - wanted[known]) / head.deviation) ** 2))
            else:
                sure = np.clip(found, 1e-6, 1 - 1e-6)
                total -= float(np.mean(np.where(wanted[known] > 0, np.log(sure), np.log(1 - sure))))
        return total


def _fit(
    heads: Sequence[ActionHead],
    examples: HeadExamples,
    encoder: SequenceEncoder,
    begin: _Beginning,
    seed: int,
    penalty: float,
    epochs: int,
    held: _HeldOut | None,
) -> FittedHeads:
    torch.manual_seed(seed)
    model = begin.heads(heads, encoder)
    states = examples.states[examples.segments > 0]
    wanted, known = _wanted(model, examples)
    begun = torch.from_numpy(begin.biases)
    vectors = encoder.items.weight.detach()
    sides = [model.user_side, model.item_side, model.of_user]
    others = [parameter for parameter in model.parameters() if all(parameter is not side for side in sides)]
    groups = [{"params": sides, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    # Before the first epoch the heads are the biases alone, and stay so if nothing more can be learnt.
    best_loss = np.inf if held is None else held.loss(model, encoder)
    best_epoch, best = 0, {name: value.clone() for name, value in model.state_dict().items()}
    for epoch in range(1, epochs + 1):
        means = examples.means(model)
        order = torch.randperm(len(states), generator=generator)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            rows = examples.target_rows[chosen]
            raw = model.raw(states[chosen], means[chosen], rows, vectors[rows])
            of_rating = (raw - wanted[chosen]) ** 2 * model.is_rating
            odds = model.log_odds + raw
            of_type = functional.binary_cross_entropy_with_logits(odds, wanted[chosen].clamp(0, 1), reduction="none")
            losses = (of_rating + of_type * (1 - model.is_rating)) * known[chosen]
            # What an item's bias has over its beginning must be worth its square.
            moved = model.item_bias[rows] - begun[rows]
            loss = (losses + penalty * moved**2).sum(dim=1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if held is None:
            continue
        found = held.loss(model, encoder)
        if found < best_loss:
            best_loss, best_epoch = found, epoch
            best = {name: value.clone() for name, value in model.state_dict().items()}
        elif epoch - best_epoch >= _PATIENCE:
            break
    if held is not None:
        model.load_state_dict(best)
    return FittedHeads(model.eval(), epochs if held is None else best_epoch, penalty, float(best_loss), begin.ratings)


def _wanted(model: ActionHeads, examples: HeadExamples) -> tuple[torch.Tensor, torch.Tensor]:
    """What each head should say of each example, ratings in deviations, and whether it is known, float32 [P, H]."""
    wanted, known = [], []
    for head in model.heads:
        if head.type is None:
            there = torch.isfinite(examples.target_values)
            wanted.append(torch.where(there, (examples.target_values - head.mean) / head.deviation, 0.0))
            known.append(there.float())
        else:
            wanted.append((examples.target_types == head.type).float())
            known.append((examples.target_types > 0).float())
    return torch.stack(wanted, dim=1), torch.stack(known, dim=1)
