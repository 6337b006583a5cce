from __future__ import annotations

import numpy as np
import pytest
import torch

from services.training.model.action_heads import ActionHead, ActionHeads
from services.training.model.encoder import EncoderShape, SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_heads import fit_heads, foretold, refit_heads
from services.training.steps.rating_biases import RatingBiases
from services.training.steps.suitable_heads import suitable_heads

LIKE, RATING = 4, 6
ITEMS, USERS, EACH = 30, 120, 12


def opinionated_log(types: bool = False) -> InteractionLog:
    """Half the users like even items and dislike odd ones, the other half the other way round; item 1 is loved by all.

    types: they rate everything, or what they like gets a like and the rest a rating without a value.
    """
    random = np.random.default_rng(0)
    rows = np.stack([random.permutation(ITEMS)[:EACH] + 1 for _ in range(USERS)]).astype(np.int32)
    likes = (rows % 2 == np.arange(USERS)[:, None] % 2) | (rows == 1)
    values = np.where(likes, 4.0, 2.0) + random.normal(scale=0.2, size=rows.shape)
    return InteractionLog(
        np.array(["", *map(str, range(1, ITEMS + 1))]),
        np.arange(0, USERS * EACH + 1, EACH),
        rows.ravel(),
        np.tile(np.arange(EACH, dtype=np.int64), USERS),
        np.where(likes, np.nan, values).ravel().astype(np.float32) if types else values.ravel().astype(np.float32),
        types=np.where(likes, LIKE, RATING).ravel().astype(np.int8) if types else np.full(rows.size, RATING, np.int8),
    )


@pytest.fixture(scope="module")
def encoder() -> SequenceEncoder:
    """Of random weights: users who rated the same items alike have vectors that are alike, no more."""
    torch.manual_seed(0)
    encoder = SequenceEncoder(EncoderShape(ITEMS, 16, 1, 2, 32, 16))
    with torch.no_grad():
        encoder.items.weight.normal_()
        encoder.items.weight[0] = 0
    return encoder.eval()


def answers(
    fitted: ActionHeads, split: HeldOut, encoder: SequenceEncoder
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return foretold(
        fitted, split.log, split.users, split.targets, user_vectors(encoder, split.log, split.users), encoder
    )


def test_there_are_heads_for_what_the_log_tells() -> None:
    (rating,) = suitable_heads(opinionated_log())
    assert (rating.name, rating.type) == ("rating", None)
    assert rating.mean == pytest.approx(3.0, abs=0.2)
    (liked,) = [head for head in suitable_heads(opinionated_log(types=True)) if head.type is not None]
    assert (liked.name, liked.type) == ("like_probability", LIKE)
    assert liked.mean == pytest.approx(0.5, abs=0.05)
    few = opinionated_log().only(np.arange(USERS * EACH) < 100)
    assert suitable_heads(few) == ()


def test_a_rating_is_foretold_better_than_by_biases(encoder: SequenceEncoder) -> None:
    split = hold_out_last(opinionated_log())
    fitted = fit_heads(split, encoder, ContentMapConfig(), seed=0)
    assert fitted is not None
    wanted = split.values
    assert wanted is not None
    found = answers(fitted.heads, split, encoder)[:, 0]
    biases = RatingBiases.of(split.log).foretold(split.users, split.targets)
    assert np.mean((found - wanted) ** 2) < np.mean((biases - wanted) ** 2)
    assert split.log.values is not None
    assert split.log.values.min() <= found.min() <= found.max() <= split.log.values.max()


def test_equal_runs_give_equal_heads_and_everything_can_be_learnt_at_last(encoder: SequenceEncoder) -> None:
    split = hold_out_last(opinionated_log(types=True))
    one, other = (fit_heads(split, encoder, ContentMapConfig(), seed=3) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(answers(one.heads, split, encoder), answers(other.heads, split, encoder))
    last = refit_heads(opinionated_log(types=True), encoder, 3, one)
    assert (last.epochs, last.penalty) == (one.epochs, one.penalty)
    assert [head.name for head in last.heads.heads] == [head.name for head in one.heads.heads]
    found = answers(last.heads, split, encoder)
    assert np.isfinite(found).all()


def test_nothing_to_foretell_is_no_head(encoder: SequenceEncoder) -> None:
    log = opinionated_log()
    silent = InteractionLog(log.item_ids, log.starts, log.rows, log.times)
    assert fit_heads(hold_out_last(silent), encoder, ContentMapConfig(), seed=0) is None


@torch.no_grad()
def test_the_formula_by_hand() -> None:
    heads = ActionHeads(
        (ActionHead("rating", None, 3.0, 2.0, 1.0, 5.0), ActionHead("like_probability", LIKE, 0.25)), 3, 2
    )
    heads.item_bias.copy_(torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.25, 1.0], [0.0, 0.0]]))
    heads.of_user.copy_(torch.tensor([[0.125, 0.0], [0.0, 0.0]]))
    # Item 1 was rated 4 (half a deviation above the mean, as its bias says), item 3 rated 5 and one liked.
    items = torch.tensor([[1, 3, 3]])
    events = torch.tensor([[[6.0, 1, 4, 0], [6, 1, 5, 0], [LIKE, 0, 0, 0]]])
    found = heads(items, events, torch.tensor([[1.0, 7.0]]), torch.tensor([[2]]), torch.ones(1, 1, 2))[0, 0]
    # m_u = (0.5 - 0.5 + 1.0) / (2 + 5); raw = b_i + m_u + w·u.
    assert float(found[0]) == pytest.approx(3 + 2 * (0.25 + 1 / 7 + 0.125))
    # m_u = (-0.25 - 0.25 + 0.75) / (3 + 5).
    odds = np.log(0.25 / 0.75) + 1.0 + 0.25 / 8
    assert float(found[1]) == pytest.approx(1 / (1 + np.exp(-odds)))


def test_biases_by_hand() -> None:
    log = InteractionLog(
        np.array(["", "a", "b"]),
        np.array([0, 2]),
        np.array([1, 2], np.int32),
        np.zeros(2, np.int64),
        np.array([5.0, 1.0], np.float32),
    )
    biases = RatingBiases.of(log)
    assert biases.mean == 3.0
    # The user's bias is nothing, so each item's is its deviation of 2 among six.
    assert biases.of_items.tolist() == pytest.approx([0, 2 / 6, -2 / 6])
    assert biases.foretold(np.array([0], np.int32), np.array([1], np.int32)).tolist() == pytest.approx([3 + 1 / 3])
    nothing = RatingBiases.of(InteractionLog(log.item_ids, log.starts, log.rows, log.times))
    assert nothing.foretold(np.array([0], np.int32), np.array([1], np.int32)).tolist() == [0]
