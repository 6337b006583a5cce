"""Fits the sequence encoder: next-item loss at every position, best weights by validation, checkpoint every epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from services.training.model.encoder import EncoderShape, SequenceEncoder
from services.training.model.full_softmax import full_softmax
from services.training.model.sampled_softmax import NegativeSampler, sampled_softmax
from services.training.model.weight_average import WeightAverage
from services.training.steps import data_parallel
from services.training.steps.evaluate_encoder import encoder_ndcg
from services.training.steps.event_scale import event_scale
from services.training.steps.examples import HeldOut, InteractionLog
from services.training.steps.examples_packing import PackedEvents, batch_rows, pack_epoch
from services.training.steps.fit_checkpoint import load_checkpoint, save_checkpoint
from services.training.steps.fit_config import TrainingConfig, TransformerConfig
from services.training.steps.fit_progress import PartOfStage, ProgressReport
from services.training.steps.learning_curve import EpochClock, EpochFacts

Weights = Mapping[str, torch.Tensor]

_WARMUP_SHARE = 0.04
_LAST_RATE_SHARE = 0.05
_GRADIENT_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """One pass: its epochs and highest learning rate; ``stage`` seeds its random streams.

    keep_start: the weights it starts from have been trained, and stay if no epoch validates better.
    """

    stage: int
    epochs: int
    learning_rate: float
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class FittedEncoder:
    """The encoder with its best weights, NDCG@10 on the validation users, where training ended, and every epoch."""

    encoder: SequenceEncoder
    validation_ndcg: float
    best_epoch: int
    epochs: int
    curve: list[EpochFacts]


def new_encoder(log: InteractionLog, config: TrainingConfig) -> SequenceEncoder:
    """An encoder with random weights of the run's seed."""
    settings = config.transformer
    torch.manual_seed(config.seed)
    shape = EncoderShape(
        log.item_count, settings.width, settings.blocks, settings.heads, settings.hidden, settings.max_history
    )
    return SequenceEncoder(shape, settings.dropout, _attribute_matrix(log), event_scale(log))


def _attribute_matrix(log: InteractionLog) -> torch.Tensor | None:
    """Sparse float32 [N+1, A], or None."""
    known = log.attributes
    if known is None:
        return None
    with warnings.catch_warnings():
        # torch calls its CSR tensors a beta; what is used of them here is a product, held to by a test.
        warnings.simplefilter("ignore")
        return torch.sparse_csr_tensor(
            torch.from_numpy(known.starts),
            torch.from_numpy(known.codes.astype(np.int64)),
            torch.from_numpy(known.weights()),
            (log.item_count + 1, known.count),
        )


def fit_validated(
    split: HeldOut,
    config: TrainingConfig,
    encoder: SequenceEncoder,
    schedule: Schedule,
    report: ProgressReport,
    checkpoint: Path,
    run_fingerprint: str,
) -> FittedEncoder:
    """Train until validation stops improving; resume from ``checkpoint`` if it belongs to this run."""
    settings = config.transformer
    trainer = Trainer(split.log, config, encoder, schedule)
    best: dict[str, Any] = {"ndcg": -1.0, "epoch": 0, "weights": None}
    misses, first_epoch, finished = 0, 0, False
    curve: list[EpochFacts] = []
    clock = EpochClock()
    ndcg: float | None
    kept = load_checkpoint(checkpoint, run_fingerprint) if data_parallel.is_first() else None
    if (state := data_parallel.from_first(kept)) is not None:
        trainer.load(state["trainer"])
        best, misses, first_epoch, finished = state["best"], state["misses"], state["epoch"], state["finished"]
        curve = list(state.get("curve", ()))
    elif schedule.keep_start:
        ndcg = _validated(encoder, split, config)
        best = {"ndcg": ndcg, "epoch": 0, "weights": trainer.average.snapshot()}
        curve.append(clock.facts(0, None, None, ndcg))
    report.enter("transformer", resumed_share=first_epoch / schedule.epochs)
    epoch = first_epoch
    while epoch < schedule.epochs and not finished:
        clock, ndcg = EpochClock(), None
        loss = trainer.run_epoch(epoch, report)
        epoch += 1
        if epoch % settings.validate_every_epochs == 0 or epoch == schedule.epochs:
            ndcg = trainer.with_average(lambda: _validated(encoder, split, config))
            report.advance(epoch / schedule.epochs, validation_ndcg=ndcg)
            if ndcg > best["ndcg"]:
                best, misses = {"ndcg": ndcg, "epoch": epoch, "weights": trainer.average.snapshot()}, 0
            else:
                misses += 1
            finished = misses >= settings.patience
        curve.append(clock.facts(epoch, loss, trainer.learning_rate, ndcg))
        state = {"trainer": trainer.state(), "best": best, "misses": misses, "epoch": epoch, "finished": finished}
        if data_parallel.is_first():
            save_checkpoint(checkpoint, {"fingerprint": run_fingerprint, "curve": curve, **state})
    encoder.load_state_dict(best["weights"])
    encoder.eval()
    return FittedEncoder(encoder, best["ndcg"], best["epoch"], epoch, curve)


def _validated(encoder: SequenceEncoder, split: HeldOut, config: TrainingConfig) -> float:
    """NDCG@10 on the validation users; the first process measures for all."""
    measured = encoder_ndcg(encoder, split, config.transformer.validation_users) if data_parallel.is_first() else 0.0
    return data_parallel.from_first(measured)


def finish(
    log: InteractionLog, config: TrainingConfig, encoder: SequenceEncoder, report: ProgressReport
) -> list[EpochFacts]:
    """A short pass over all interactions, the newest included, for weights that were chosen already; in place."""
    settings = config.transformer
    schedule = Schedule(stage=2, epochs=settings.finish_epochs, learning_rate=settings.finish_learning_rate)
    trainer = Trainer(log, config, encoder, schedule)
    report.enter("finish")
    curve: list[EpochFacts] = []
    for epoch in range(schedule.epochs):
        clock = EpochClock()
        loss = trainer.run_epoch(epoch, report)
        curve.append(clock.facts(epoch + 1, loss, trainer.learning_rate))
    encoder.load_state_dict(trainer.average.snapshot())
    encoder.eval()
    return curve


class Trainer:
    """One encoder, its optimiser and its weight average, going through a log epoch by epoch."""

    def __init__(
        self, log: InteractionLog, config: TrainingConfig, encoder: SequenceEncoder, schedule: Schedule
    ) -> None:
        self._log = log
        self._seed = config.seed
        self._settings: TransformerConfig = config.transformer
        self._device = data_parallel.device()
        self._encoder = encoder.to(self._device)
        self._schedule = schedule
        self.average = WeightAverage(encoder, config.transformer.averaging)
        self._parameters = list(encoder.parameters())
        self._optimizer = _optimizer(encoder, config.transformer)
        frequencies = np.bincount(log.rows, minlength=log.item_count + 1).astype(np.float64)
        full = log.item_count <= self._settings.full_softmax_items or self._settings.negatives == 0
        self._sampler = None if full else NegativeSampler(frequencies)

    @property
    def learning_rate(self) -> float:
        """Of the step before."""
        return float(self._optimizer.param_groups[0]["lr"])

    def run_epoch(self, epoch: int, report: ProgressReport | PartOfStage) -> float:
        """Go through the log once and return the mean loss of its steps. Raises TrainingStoppedError."""
        # Every epoch has random streams of its own, so that a resumed run draws what an uninterrupted one would.
        streams = np.random.SeedSequence([self._seed, self._schedule.stage, epoch]).spawn(2)
        packing, sampling = (np.random.Generator(np.random.PCG64(stream)) for stream in streams)
        self._encoder.random_bytes.restart(self._seed, self._schedule.stage, epoch)
        self._encoder.train()
        length = self._settings.max_history
        size = max(1, self._settings.positions_per_step // length)
        packed = pack_epoch(self._log, length, packing)
        steps = math.ceil(len(packed) / size)
        losses = 0.0
        for step in range(steps):
            done = (epoch + step / steps) / self._schedule.epochs
            for group in self._optimizer.param_groups:
                group["lr"] = group.get("highest", self._schedule.learning_rate) * _rate_share(done)
            self._optimizer.zero_grad(set_to_none=True)
            loss = self._descend(packed.rows(step * size, (step + 1) * size), sampling)
            torch.nn.utils.clip_grad_norm_(self._parameters, _GRADIENT_NORM)
            self._optimizer.step()
            self.average.update(self._encoder)
            losses += loss
            report.advance((epoch + (step + 1) / steps) / self._schedule.epochs, loss=loss)
        return losses / max(steps, 1)

    def _descend(self, rows: PackedEvents, sampling: np.random.Generator) -> float:
        """Gradients of the mean loss over all positions of ``rows``, of which each process computes its share."""
        start, end = data_parallel.share_of(len(rows))
        self._encoder.random_bytes.share = (start, end, len(rows))
        own = rows.rows(start, end)
        # Without rows of its own a process goes the same way, so that its random streams stay those of the others.
        loss = self._loss(own, sampling)
        loss = loss * (own.position_count / rows.position_count)
        loss.backward()  # type: ignore[no-untyped-call]
        return data_parallel.sum_gradients(self._parameters, float(loss.detach()))

    def _loss(self, rows: PackedEvents, sampling: np.random.Generator) -> torch.Tensor:
        batch = batch_rows(self._log, rows).to(self._device)
        filled = batch.segments > 0
        vectors = self._encoder.item_vectors()
        states = self._encoder(batch.items, batch.events, batch.segments, vectors)[filled]
        # Nobody takes an item twice in a log without repeats: the loss need not teach that.
        return self._next_item_loss(states, vectors, batch.targets[filled], batch.seen(filled), sampling)

    def _next_item_loss(
        self,
        states: torch.Tensor,
        vectors: torch.Tensor,
        targets: torch.Tensor,
        seen: tuple[torch.Tensor, torch.Tensor],
        sampling: np.random.Generator,
    ) -> torch.Tensor:
        """Mean over positions with states float32 [P, D], items having vectors float32 [N+1, D]."""
        if self._sampler is None:
            return full_softmax(states, vectors, targets, *seen)
        return sampled_softmax(
            states,
            vectors,
            targets,
            *seen,
            *(drawn.to(self._device) for drawn in self._sampler.draw(self._settings.negatives, sampling)),
        )

    def with_average(self, measure: Any) -> float:
        """What ``measure()`` gives while the encoder holds the averaged weights."""
        own = {name: value.clone() for name, value in self._encoder.state_dict().items()}
        self._encoder.load_state_dict(self.average.weights)
        try:
            return float(measure())
        finally:
            self._encoder.load_state_dict(own)

    def state(self) -> dict[str, Any]:
        """What ``load`` needs to go on from here."""
        return {
            "weights": self._encoder.state_dict(),
            "average": self.average.weights,
            "average_steps": self.average.steps,
            "optimizer": self._optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._encoder.load_state_dict(state["weights"])
        self.average.weights = {name: value.to(self._device) for name, value in state["average"].items()}
        self.average.steps = state["average_steps"]
        self._optimizer.load_state_dict(state["optimizer"])


def _optimizer(encoder: SequenceEncoder, settings: TransformerConfig) -> torch.optim.Optimizer:
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in encoder.named_parameters():
        decayed = parameter.ndim > 1 and not name.startswith(("items.", "attribute")) and "bias" not in name
        (matrices if decayed else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)


def _rate_share(done: float) -> float:
    """Share of the highest learning rate when ``done`` (0..1) of the schedule is over: linear up, cosine down."""
    if done < _WARMUP_SHARE:
        return max(done / _WARMUP_SHARE, 0.02)
    return _LAST_RATE_SHARE + (1 - _LAST_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
