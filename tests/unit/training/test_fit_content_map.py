"""Items of two kinds, taken by users of two tastes: a new item's kind says who will take it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from services.core.content_space import CATEGORIES, ItemContent, whitened
from services.training.model.encoder import EncoderShape, SequenceEncoder
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_content_map import LearntModality, fit_content_map
from services.training.steps.fit_content_space import content_space, with_whitened

ITEMS, USERS = 80, 60
SETTINGS = ContentMapConfig((1.0, 3.0), (0.1, 1.0), (0.0, 2.0), cooccurrence_weights=())


def kind(row: int) -> int:
    return row % 2


def log_of_kinds() -> InteractionLog:
    random = np.random.default_rng(0)
    taken = [random.choice(np.arange(1 + user % 2, ITEMS + 1, 2), 12, replace=False) for user in range(USERS)]
    rows = np.concatenate(taken).astype(np.int32)
    log = InteractionLog.from_events(
        np.array(["", *map(str, range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), 12).astype(np.int32),
        rows,
        np.arange(len(rows), dtype=np.int64),
    )
    noise = random.normal(size=(ITEMS + 1, 8)).astype(np.float32)
    contents = [
        ItemContent({"text": noise[row]}, (f"kind {kind(row)}",), {"shelf": float(random.integers(5))})
        for row in range(ITEMS + 1)
    ]
    contents[0] = ItemContent()
    return replace(log, contents=contents)


@pytest.fixture(scope="module")
def encoder() -> SequenceEncoder:
    """Item vectors that say the kind; every user's vector is about the mean of what was read."""
    torch.manual_seed(0)
    encoder = SequenceEncoder(EncoderShape(ITEMS, 8, 1, 1, 8, 16)).eval()
    with torch.no_grad():
        encoder.items.weight.mul_(0.2)
        for row in range(1, ITEMS + 1):
            encoder.items.weight[row, 0] += 1.0 if kind(row) else -1.0
    return encoder


def test_newcomers_lie_where_their_kind_lies(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    fitted = fit_content_map(log, encoder, SETTINGS, seed=0)
    assert fitted is not None
    assert fitted.ndcg > 0.6
    # The kind alone tells; texts and shelves are noise, whose weights chance decides, as it does who takes what within
    # a kind. What weighs nothing is told, and not kept.
    weights = fitted.content_map.space.weights
    assert weights[CATEGORIES] > 0.25
    assert fitted.settings["shelf"] == 0
    assert "shelf" not in {*weights, *fitted.content_map.space.edges}
    assert sum(weights.values()) == pytest.approx(1.0)
    odd, even = fitted.content_map.vectors([ItemContent({}, ("kind 1",)), ItemContent({}, ("kind 0",))])
    assert odd[0] > 0.3 > -0.3 > even[0]
    facts = fitted.facts()
    assert facts["items"] == ITEMS
    assert facts["ndcg@10"] == fitted.ndcg
    again = fit_content_map(log, encoder, SETTINGS, seed=0)
    assert again is not None
    assert again.facts() == facts


def test_what_is_taken_together_is_read_where_the_item_vectors_say_nothing(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    blind = SequenceEncoder(encoder.shape).eval()
    plain = fit_content_map(log, blind, SETTINGS, seed=0)
    fitted = fit_content_map(log, blind, replace(SETTINGS, cooccurrence_weights=(1.0, 4.0)), seed=0)
    assert plain is not None
    assert fitted is not None
    assert plain.content_map.cooccurrence is None
    assert fitted.settings["cooccurrence"] > 0
    assert fitted.ndcg > plain.ndcg + 0.1
    # Two users of one taste each, and the vectors tell nothing.
    vectors = fitted.content_map.vectors([ItemContent({}, ("kind 1",)), ItemContent({}, ("kind 0",))])
    histories = [np.array([1, 3, 5], np.int32), np.array([2, 4, 6], np.int32)]
    of_odd, of_even = fitted.content_map.queries(np.ones((2, 8), np.float32), histories) @ vectors.T
    assert of_odd[0] - of_odd[1] > of_even[0] - of_even[1]


def test_whitened_texts_are_read_where_all_say_much_the_same(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    random = np.random.default_rng(1)
    # The kind is one small direction among loud ones that say nothing.
    texts = (random.normal(size=(ITEMS + 1, 8)) * [8, 6, 5, 4, 4, 4, 4, 0.5]).astype(np.float32)
    texts[:, 7] *= 0.1
    texts[:, 7] += [0.5 if kind(row) else -0.5 for row in range(ITEMS + 1)]
    contents = [ItemContent(), *(ItemContent({"text": text}) for text in texts[1:])]
    settings = replace(SETTINGS, part_weights=(0.0, 0.5, 2.0))
    fitted = fit_content_map(replace(log, contents=contents), encoder, settings, seed=0)
    assert fitted is not None
    space = fitted.content_map.space
    assert space.weights[whitened("text")] > 0.3
    assert space.reads("text")
    odd, even = fitted.content_map.vectors([contents[1], contents[2]])
    assert odd[0] > 0 > even[0]


@pytest.mark.parametrize("honest", [True, False])
def test_learnt_vectors_count_by_what_they_say_of_items_that_they_were_not_learnt_from(
    encoder: SequenceEncoder, honest: bool
) -> None:
    log = log_of_kinds()
    random = np.random.default_rng(2)
    unseen = np.arange(1, ITEMS + 1, 5)
    vectors = random.normal(size=(ITEMS + 1, 4)).astype(np.float32) * 0.3
    for row in range(1, ITEMS + 1):
        # Of what they were learnt from they tell the truth in any case.
        truth = 1 if honest or row not in unseen else -1
        vectors[row, 0] += truth * (3.0 if kind(row) else -3.0)
    noise = random.normal(size=(ITEMS + 1, 8)).astype(np.float32)
    contents = [
        ItemContent({"text": noise[row], "tuned": vectors[row]}) if row else ItemContent() for row in range(ITEMS + 1)
    ]
    fitted = fit_content_map(
        replace(log, contents=contents), encoder, SETTINGS, seed=0, learnt=LearntModality("tuned", unseen)
    )
    assert fitted is not None
    assert fitted.content_map.space.reads("tuned") == honest
    assert fitted.content_map.space.reads("text")


def test_a_large_catalogue_is_known_by_its_most_taken_items(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    fitted = fit_content_map(log, encoder, replace(SETTINGS, most_items=60), seed=0)
    assert fitted is not None
    counts = np.bincount(log.rows, minlength=ITEMS + 1)
    most = np.sort(np.argsort(-counts, kind="stable")[:60])
    space = fitted.content_map.space
    np.testing.assert_array_equal(fitted.content_map.basis, space.features([log.contents[row] for row in most]))


def test_where_no_two_items_have_anything_in_common_all_lie_at_the_mean(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    contents = [ItemContent({}, (f"only {row}",)) if row else ItemContent() for row in range(ITEMS + 1)]
    fitted = fit_content_map(replace(log, contents=contents), encoder, SETTINGS, seed=0)
    assert fitted is not None
    odd, even = fitted.content_map.vectors(contents[1:3])
    np.testing.assert_allclose(odd, even, atol=1e-4)


def test_without_content_there_is_no_map(encoder: SequenceEncoder) -> None:
    log = log_of_kinds()
    assert fit_content_map(replace(log, contents=None), encoder, SETTINGS, seed=0) is None
    few = [content if row < 40 else ItemContent() for row, content in enumerate(log.contents or ())]
    assert fit_content_map(replace(log, contents=few), encoder, SETTINGS, seed=0) is None


def test_the_space_takes_what_several_items_have() -> None:
    texts = [np.array([1.0, 0.0]), np.array([0.0, 2.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0])]
    contents = [
        ItemContent({"text": text.astype(np.float32)}, ("all", f"only {place}"), {"same": 1.0, "year": 1990.0 + place})
        for place, text in enumerate(texts)
    ]
    space = content_space(contents)
    np.testing.assert_allclose(space.centres["text"], [0.5, 0.5])
    assert space.categories == ("all",)
    assert list(space.edges) == ["year"], "a number that all share tells nothing"
    assert space.edges["year"].tolist() == [1991.0, 1992.0, 1993.0]
    assert space.weights == {"text": 1 / 3, CATEGORIES: 1 / 3, "year": 1 / 3}


def test_a_modality_is_whitened_where_enough_items_have_it() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 6)).astype(np.float32)
    contents = [
        ItemContent({"text": vector, **({"image": vector} if row < 3 else {})}) for row, vector in enumerate(vectors)
    ]
    space = with_whitened(content_space(contents), contents)
    assert list(space.whitenings) == ["text"], "three images tell nothing of how images spread"
    assert space.weights == {CATEGORIES: 0.0, "image": 1 / 3, "text": 1 / 3, whitened("text"): 1 / 3}
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    spread = np.cov((unit - space.centres["text"]) @ space.whitenings["text"], rowvar=False)
    np.testing.assert_allclose(spread, np.eye(6), atol=1e-3)
