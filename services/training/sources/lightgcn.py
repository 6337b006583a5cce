"""Fits LightGCN: item embeddings such that, propagated over the graph, users are near what they took next to it."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from services.core.bundle import BundleDraft
from services.core.sources.lightgcn import ITEM_VECTORS, NEIGHBOUR_VECTORS, LightGcnSource
from services.training.model.bipartite_graph import BipartiteGraph, item_vectors, owner_vectors
from services.training.model.sampled_softmax import sampled_softmax
from services.training.sources.catalogue_sample import CatalogueSample
from services.training.sources.hold_back import hold_back, ndcg
from services.training.steps.examples import Int64, InteractionLog
from services.training.steps.fit_config import LightGcnConfig, TrainingConfig

_STREAM = 8
_DEVIATION = 0.1
_WARMUP_STEPS = 20
_LAST_RATE_SHARE = 0.05
_LEAST_STEPS = 50


def fit(log: InteractionLog, config: TrainingConfig) -> LightGcnSource:
    """Minimise the softmax loss of edges hidden from the graph, by the cosine of user and item over a temperature.

    Every step hides a share of all interactions: a user's vector never holds what it is to predict, as when served.
    The embeddings kept are those that rank best what was held back of the log; they are served with the whole graph.
    """
    settings = config.lightgcn
    log = log.without_repeats()
    held = hold_back(log, settings.held_back_users)
    trainer = _Trainer(held.log, settings, config.seed)
    steps = steps_for(held.log, settings)
    best, best_ndcg, misses = trainer.embeddings.detach().clone(), -1.0, 0
    for step in range(steps):
        trainer.run_step(step, steps)
        if (step + 1) % max(1, steps // settings.checks) and step + 1 < steps:
            continue
        found = ndcg(served(trainer.graph, trainer.embeddings, settings.hops), held)
        if found > best_ndcg:
            best, best_ndcg, misses = trainer.embeddings.detach().clone(), found, 0
        else:
            misses += 1
        if misses >= settings.patience:
            break
    return served(graph_of(log, settings.attribute_weight), best, settings.hops)


def steps_for(log: InteractionLog, settings: LightGcnConfig) -> int:
    """As many steps as the multiplications allow, counts alone deciding; 0 where not one is affordable."""
    edges = len(log) + (len(log.attributes.codes) if log.attributes is not None else 0)
    compared = min(settings.negatives, log.item_count)
    # Forward and backward each pass over the edges; a scattered read costs several multiplications.
    propagation = 2 * (2 * settings.hops + 1) * edges * settings.vector_size * 4
    softmax = 3 * min(settings.targets_per_step, len(log)) * compared * settings.vector_size
    step = propagation + softmax + 20 * log.item_count * settings.vector_size
    return min(settings.steps, int(settings.most_multiplications // max(step, 1)))


def affordable(log: InteractionLog, config: TrainingConfig) -> bool:
    """Whether there are steps enough to learn something; never a question of steps that were not asked for."""
    return steps_for(log, config.lightgcn) >= min(_LEAST_STEPS, config.lightgcn.steps)


def graph_of(log: InteractionLog, attribute_weight: float) -> BipartiteGraph:
    """Users, one edge of weight 1 for each item they took, then attributes, their edges weighing less or more."""
    edges = sparse.csr_matrix(
        (np.ones(len(log), dtype=np.float32), (log.users(), log.rows)), shape=(log.user_count, log.item_count + 1)
    )
    known = log.attributes
    if known is not None and attribute_weight > 0:
        weights = np.full(len(known.codes), attribute_weight, dtype=np.float32)
        described = sparse.csr_matrix((weights, (known.codes, known.rows())), shape=(known.count, log.item_count + 1))
        edges = sparse.vstack([edges, described]).tocsr()
    edges.sort_indices()
    return BipartiteGraph(edges)


@torch.no_grad()
def served(graph: BipartiteGraph, embeddings: torch.Tensor, hops: int) -> LightGcnSource:
    """Propagate over all edges of the graph; an item without any has nothing to go by and is scored 0."""
    normalised = graph.normalised()
    vectors = item_vectors(normalised, embeddings, hops).numpy().copy()
    vectors[normalised.item_scale == 0] = 0.0
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return LightGcnSource(
        (vectors / lengths).astype(np.float32), (vectors * normalised.item_scale[:, None]).astype(np.float32)
    )


class _Trainer:
    def __init__(self, log: InteractionLog, settings: LightGcnConfig, seed: int) -> None:
        self._log = log
        self._settings = settings
        self._random = np.random.default_rng([seed, _STREAM])
        self.graph = graph_of(log, settings.attribute_weight)
        start = self._random.normal(scale=_DEVIATION, size=(log.item_count + 1, settings.vector_size))
        self.embeddings = torch.from_numpy(start.astype(np.float32)).requires_grad_()
        self._optimizer = torch.optim.Adam([self.embeddings], lr=settings.learning_rate, fused=True)
        self._sample = CatalogueSample(log, settings.negatives)

    def run_step(self, step: int, steps: int) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * _rate_share(step, steps)
        loss = self._loss()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def _loss(self) -> torch.Tensor:
        settings, random = self._settings, self._random
        # The edges of users come first, in the order of the graph.
        hidden = random.random(len(self._log)) < settings.hidden_share
        hidden_edges = np.flatnonzero(hidden)
        kept = np.ones(len(self.graph.items), dtype=np.bool_)
        kept[hidden_edges] = False
        normalised = self.graph.normalised(kept)
        vectors = item_vectors(normalised, self.embeddings, settings.hops)
        chosen = random.permutation(hidden_edges)[: settings.targets_per_step]
        users = self.graph.owners[chosen]
        states = functional.embedding(torch.from_numpy(users), owner_vectors(normalised, vectors))
        return sampled_softmax(
            functional.normalize(states, dim=1) / settings.temperature,
            functional.normalize(vectors, dim=1),
            torch.from_numpy(self.graph.items[chosen]),
            *self._taken_by(users),
            *self._sample.draw(random),
        )

    def _taken_by(self, users: Int64) -> tuple[torch.Tensor, torch.Tensor]:
        """All items that each of ``users`` took: places in ``users`` int64 [S], ascending, and items int64 [S]."""
        starts = self._log.starts
        counts = starts[users + 1] - starts[users]
        places = np.repeat(np.arange(len(users)), counts)
        within = np.arange(len(places)) - (np.cumsum(counts) - counts)[places]
        return torch.from_numpy(places), torch.from_numpy(
            self._log.rows[starts[users][places] + within].astype(np.int64)
        )


def _rate_share(step: int, steps: int) -> float:
    """Share of the highest learning rate: linear up, cosine down."""
    warm = min(1.0, (step + 1) / _WARMUP_STEPS)
    return warm * (_LAST_RATE_SHARE + (1 - _LAST_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def save(source: LightGcnSource, draft: BundleDraft) -> None:
    """Write the arrays that LightGcnSource.load reads."""
    draft.save_array(ITEM_VECTORS, source.item_vectors)
    draft.save_array(NEIGHBOUR_VECTORS, source.neighbour_vectors)
