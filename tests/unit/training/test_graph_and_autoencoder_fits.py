"""LightGCN and Mult-VAE on a log of two tastes, and what of them is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from services.core.sources.source import History, Source
from services.training.model.bipartite_graph import item_vectors, owner_vectors
from services.training.model.mult_vae import MultVae
from services.training.sources import lightgcn, mult_vae, popularity
from services.training.sources.hold_back import ndcg
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_config import LightGcnConfig, MultVaeConfig, TrainingConfig
from services.training.steps.fit_to_data import fitting
from services.training.steps.item_attributes import ItemAttributes

CONFIG = TrainingConfig(
    lightgcn=LightGcnConfig(vector_size=8, steps=40, negatives=16, held_back_users=20),
    mult_vae=MultVaeConfig(hidden=16, latent=8, epochs=40, users_per_step=16, negatives=16, learning_rate=0.02),
)
BLOCK = 20
FITS = pytest.mark.parametrize("fit", [lightgcn.fit, mult_vae.fit], ids=["lightgcn", "mult_vae"])
Fit = Callable[[InteractionLog, TrainingConfig], Source]


def two_tastes(users: int = 60, taken: int = 6) -> InteractionLog:
    """Users of even number take items of 1..20, the others of 21..40."""
    random = np.random.default_rng(2)
    rows = np.concatenate([random.permutation(BLOCK)[:taken] + 1 + BLOCK * (user % 2) for user in range(users)])
    owners = np.repeat(np.arange(users), taken).astype(np.int32)
    ids = np.array(["", *map(str, range(1, 2 * BLOCK + 1))])
    return InteractionLog.from_events(ids, owners, rows.astype(np.int32), np.arange(len(rows), dtype=np.int64))


@pytest.fixture(scope="module")
def split() -> HeldOut:
    return hold_out_last(two_tastes())


@FITS
def test_planted_tastes_are_found_better_than_by_popularity(fit: Fit, split: HeldOut) -> None:
    source = fit(split.log, CONFIG)
    for first in (1, BLOCK + 1):
        taken = np.arange(first, first + 3, dtype=np.int32)
        found = source.retrieve(History.of(taken), 10, taken).rows
        assert ((found >= first) & (found < first + BLOCK)).all()
    assert ndcg(source, split) > 1.2 * ndcg(popularity.fit(split.log, CONFIG), split)


@FITS
def test_equal_seeds_give_equal_sources_and_leave_the_global_stream_alone(fit: Fit, split: HeldOut) -> None:
    history = History.of(np.array([1, 2]))
    short = replace(
        CONFIG, lightgcn=replace(CONFIG.lightgcn, steps=5), mult_vae=replace(CONFIG.mult_vae, epochs=3), seed=4
    )
    before = torch.random.get_rng_state()
    one, other = (fit(split.log, short).score(history) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not np.array_equal(one, fit(split.log, replace(short, seed=5)).score(history))


@FITS
def test_a_log_too_short_to_hold_anything_back_is_no_error(fit: Fit) -> None:
    log = InteractionLog.from_events(
        np.array(["", *"abc"]), np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32), np.arange(3)
    )
    assert np.isfinite(fit(log, CONFIG).score(History.of(np.array([1])))[1:]).all()


def test_a_user_of_the_graph_is_folded_in_where_the_graph_has_them(split: HeldOut) -> None:
    log = split.log
    embeddings = torch.randn(log.item_count + 1, 5, generator=torch.Generator().manual_seed(1))
    graph = lightgcn.graph_of(log, 1.0)
    source = lightgcn.served(graph, embeddings, 2)
    normalised = graph.normalised()
    items = item_vectors(normalised, embeddings, 2)
    users = owner_vectors(normalised, items)
    for user in (0, 17):
        wanted = torch.cosine_similarity(items[1:], users[user][None], dim=1)
        scores = source.score(History.of(log.sequence(user)))[1:]
        taken_by_somebody = normalised.item_scale[1:] > 0
        np.testing.assert_allclose(scores[taken_by_somebody], wanted[taken_by_somebody], atol=1e-5)


def test_an_item_that_nobody_took_is_placed_by_its_attributes() -> None:
    log = two_tastes()
    kept = (log.rows != 20) & (log.rows != 40)
    names = [["first"] if row <= BLOCK else ["second"] for row in range(1, 2 * BLOCK + 1)]
    described = replace(log.only(kept), attributes=ItemAttributes.from_names([(), *names]))
    scores = lightgcn.fit(described, CONFIG).score(History.of(np.array([1, 2, 3])))
    assert scores[20] > scores[21:].max()
    without = replace(CONFIG, lightgcn=replace(CONFIG.lightgcn, attribute_weight=0.0, steps=2))
    assert lightgcn.fit(described, without).score(History.of(np.array([1])))[20] == 0.0


def test_what_is_served_is_what_the_network_computes() -> None:
    torch.manual_seed(3)
    network = MultVae(item_count=12, hidden=6, latent=4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    taken = torch.tensor([3, 7, 8])
    with torch.no_grad():
        mean, _ = network.encode(taken, torch.tensor([0, 3]), torch.full((3,), 3**-0.5))
        logits = (network.decode(mean) @ network.output_vectors.T + network.output_bias)[0, 1:]
    scores = mult_vae.served(network).score(History.of(taken.numpy().astype(np.int32)))[1:]
    np.testing.assert_allclose(scores, logits - logits.mean(), rtol=1e-4, atol=1e-5)


def test_training_is_as_long_as_the_counts_allow() -> None:
    log = two_tastes()
    dear = replace(
        CONFIG,
        lightgcn=replace(CONFIG.lightgcn, most_multiplications=1e5),
        mult_vae=replace(CONFIG.mult_vae, most_multiplications=1e5),
    )
    assert lightgcn.steps_for(log, CONFIG.lightgcn) == 40
    assert mult_vae.epochs_for(log, CONFIG.mult_vae) == 40
    assert lightgcn.steps_for(log, dear.lightgcn) < 40
    assert mult_vae.epochs_for(log, dear.mult_vae) < 5
    names = ("popularity", "lightgcn", "mult_vae", "sequence")
    assert fitting(replace(CONFIG, sources=names), log).sources == names
    assert fitting(replace(dear, sources=names), log).sources == ("popularity", "sequence")
