"""Fits Mult-VAE: a multinomial likelihood, dropout of the input, and a latent penalty that is phased in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from services.core.bundle import BundleDraft
from services.core.sources.mult_vae import (
    HIDDEN_BIAS,
    HIDDEN_WEIGHTS,
    INPUT_BIAS,
    INPUT_VECTORS,
    OUTPUT_BIAS,
    OUTPUT_VECTORS,
    MultVaeSource,
)
from services.training.model.mult_vae import MultVae
from services.training.model.sampled_multinomial import sampled_multinomial
from services.training.sources.catalogue_sample import CatalogueSample
from services.training.sources.hold_back import hold_back, ndcg
from services.training.steps.examples import Int64, InteractionLog
from services.training.steps.fit_config import MultVaeConfig, TrainingConfig

_STREAM = 7
_LAST_RATE_SHARE = 0.05
_LEAST_EPOCHS = 5


def fit(log: InteractionLog, config: TrainingConfig) -> MultVaeSource:
    """Maximise Σ_u E_q[log multinomial(u's items)] - β · KL(q ‖ N(0, 1)), β rising to its highest.

    The weights kept are those of the epoch that ranks best what was held back of the log.
    """
    settings = config.mult_vae
    held = hold_back(log.without_repeats(), settings.held_back_users)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        trainer = _Trainer(held.log, settings, config.seed)
    epochs = epochs_for(held.log, settings)
    best, best_ndcg, misses = served(trainer.network), -1.0, 0
    for epoch in range(epochs):
        trainer.run_epoch(epoch, epochs)
        if (epoch + 1) % max(1, epochs // settings.checks) and epoch + 1 < epochs:
            continue
        source = served(trainer.network)
        found = ndcg(source, held)
        if found > best_ndcg:
            best, best_ndcg, misses = source, found, 0
        else:
            misses += 1
        if misses >= settings.patience:
            break
    return best


def epochs_for(log: InteractionLog, settings: MultVaeConfig) -> int:
    """As many epochs as the multiplications allow, counts alone deciding; 0 where not one is affordable."""
    users = int((np.diff(log.starts) > 0).sum())
    compared = min(settings.negatives, log.item_count)
    steps = math.ceil(users / settings.users_per_step)
    # Forward and twice backward over the logits; the optimiser passes over two tables of vectors every step.
    epoch = 3 * users * compared * settings.hidden + 20 * steps * log.item_count * settings.hidden
    return min(settings.epochs, int(settings.most_multiplications // max(epoch, 1)))


def affordable(log: InteractionLog, config: TrainingConfig) -> bool:
    """Whether there are epochs enough to learn something; never a question of epochs that were not asked for."""
    return epochs_for(log, config.mult_vae) >= min(_LEAST_EPOCHS, config.mult_vae.epochs)


@torch.no_grad()
def served(network: MultVae) -> MultVaeSource:
    """The network's arrays as they are served: the linear layers between the tanh joined, the logits centred."""
    mean, hidden = network.mean, network.hidden
    vectors, bias = network.output_vectors.clone(), network.output_bias.clone()
    vectors[1:] -= vectors[1:].mean(dim=0)
    bias[1:] -= bias[1:].mean()
    inputs = network.input_vectors.clone()
    inputs[0], vectors[0], bias[0] = 0.0, 0.0, 0.0
    joined = (hidden.weight @ mean.weight).T.contiguous()
    joined_bias = hidden.weight @ mean.bias + hidden.bias
    arrays = (inputs, network.input_bias.clone(), joined, joined_bias, vectors, bias)
    return MultVaeSource(*(array.numpy() for array in arrays))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Users and what they took: owners, items int64 [P], starts int64 [U+1], counts int64 [U]."""

    owners: torch.Tensor
    items: torch.Tensor
    starts: torch.Tensor
    counts: torch.Tensor


class _Trainer:
    def __init__(self, log: InteractionLog, settings: MultVaeConfig, seed: int) -> None:
        self._log = log
        self._settings = settings
        self._seed = seed
        self._steps = 0
        self.network = MultVae(log.item_count, settings.hidden, settings.latent)
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate, fused=True)
        self._sample = CatalogueSample(log, settings.negatives)

    def run_epoch(self, epoch: int, epochs: int) -> None:
        settings = self._settings
        random = np.random.default_rng([self._seed, _STREAM, epoch])
        noise = torch.Generator().manual_seed(int(random.integers(2**62)))
        batches = list(self._batches(random))
        for step, batch in enumerate(batches):
            done = (epoch + step / len(batches)) / epochs
            for group in self._optimizer.param_groups:
                group["lr"] = settings.learning_rate * _rate_share(done)
            penalty = settings.most_penalty * min(1.0, done / settings.annealing_share)
            loss = self._loss(batch, random, noise, penalty)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def _batches(self, random: np.random.Generator) -> Iterator[_Batch]:
        starts = self._log.starts
        order = random.permutation(np.flatnonzero(np.diff(starts) > 0))
        for first in range(0, len(order), self._settings.users_per_step):
            users = order[first : first + self._settings.users_per_step]
            counts = starts[users + 1] - starts[users]
            ends = np.cumsum(counts)
            owners = np.repeat(np.arange(len(users)), counts)
            places: Int64 = np.arange(ends[-1]) + (starts[users] - (ends - counts))[owners]
            yield _Batch(
                torch.from_numpy(owners),
                torch.from_numpy(self._log.rows[places].astype(np.int64)),
                torch.from_numpy(np.concatenate([[0], ends])),
                torch.from_numpy(counts),
            )

    def _loss(self, batch: _Batch, random: np.random.Generator, noise: torch.Generator, penalty: float) -> torch.Tensor:
        network, dropout = self.network, self._settings.dropout
        kept = (torch.rand(len(batch.items), generator=noise) >= dropout).float() / (1.0 - dropout)
        mean, log_variance = network.encode(batch.items, batch.starts, kept / batch.counts.sqrt()[batch.owners])
        latent = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=noise)
        likelihood = sampled_multinomial(
            network.decode(latent),
            network.output_vectors,
            network.output_bias,
            batch.owners,
            batch.items,
            *self._sample.draw(random),
        )
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()
        return likelihood + penalty * divergence


def _rate_share(done: float) -> float:
    """Share of the highest learning rate when ``done`` (0..1) of the epochs is over: cosine down."""
    return _LAST_RATE_SHARE + (1 - _LAST_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def save(source: MultVaeSource, draft: BundleDraft) -> None:
    """Write the arrays that MultVaeSource.load reads."""
    draft.save_array(INPUT_VECTORS, source.input_vectors)
    draft.save_array(INPUT_BIAS, source.input_bias)
    draft.save_array(HIDDEN_WEIGHTS, source.hidden_weights)
    draft.save_array(HIDDEN_BIAS, source.hidden_bias)
    draft.save_array(OUTPUT_VECTORS, source.output_vectors)
    draft.save_array(OUTPUT_BIAS, source.output_bias)
