from __future__ import annotations

import numpy as np
import pytest
import torch

from services.training.model.blend import Blend
from services.training.model.dropout import Dropout, RandomBytes
from services.training.model.encoder import EncoderShape, SequenceEncoder
from services.training.model.served import ServedRanker, ServedUserEncoder

SHAPE = EncoderShape(item_count=30, width=16, blocks=2, heads=2, hidden=24, max_history=32)


@pytest.fixture
def encoder() -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = SequenceEncoder(SHAPE)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder.eval()


def left_padded(items: list[int], length: int) -> torch.Tensor:
    return torch.tensor([[0] * (length - len(items)) + items])


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("items", [[], [7], [3, 9, 27, 1, 14]])
@torch.no_grad()
def test_padding_changes_nothing(encoder: SequenceEncoder, items: list[int]) -> None:
    wanted = encoder.user_vectors(left_padded(items, max(len(items), 1)))
    for length in (6, 16, 32):
        close(encoder.user_vectors(left_padded(items, length)), wanted)


@torch.no_grad()
def test_a_training_position_is_a_serving_example(encoder: SequenceEncoder) -> None:
    first, second = [3, 9, 27, 1], [14, 2, 8]
    items = torch.tensor([[*first, *second, 0, 0]])
    segments = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 0, 0]])
    states = encoder(items, segments)[0]
    for count in range(1, 5):
        close(states[count - 1], encoder.user_vectors(left_padded(first[:count], 16))[0])
    for count in range(1, 4):
        close(states[4 + count - 1], encoder.user_vectors(left_padded(second[:count], 16))[0])


@torch.no_grad()
def test_order_and_every_item_matter(encoder: SequenceEncoder) -> None:
    vectors = [encoder.user_vectors(left_padded(items, 8)) for items in ([1, 2, 3], [2, 1, 3], [1, 2, 4], [2, 3])]
    for place, one in enumerate(vectors):
        for other in vectors[place + 1 :]:
            assert (one - other).abs().max() > 1e-3


@torch.no_grad()
def test_a_candidates_score_is_its_own_affair(encoder: SequenceEncoder) -> None:
    blend = Blend(np.array([0.5, -0.2], dtype=np.float32), np.array([2.0, 1.0], dtype=np.float32))
    ranker, user_encoder = ServedRanker(encoder, blend).eval(), ServedUserEncoder(encoder).eval()
    history = left_padded([3, 9, 27], 16)
    candidates = torch.tensor([[5, 6, 7, 8]])
    features = torch.tensor([[[1.0, 0.0], [3.0, -1.0], [0.0, 0.5], [2.0, 2.0]]])
    together = ranker(history, candidates, features)
    assert together.shape == (1, 4, 1)
    for place in range(4):
        close(ranker(history, candidates[:, [place]], features[:, [place]]), together[:, [place]])
    order = [2, 0, 3, 1]
    close(ranker(history, candidates[:, order], features[:, order]), together[:, order])
    padded = ranker(
        history, torch.nn.functional.pad(candidates, (0, 60)), torch.nn.functional.pad(features, (0, 0, 0, 60))
    )
    close(padded[:, :4], together)
    taste = user_encoder(history)[0] @ encoder.items.weight[candidates[0]].T
    close(together[0, :, 0], taste + torch.from_numpy(blend.add(features.numpy()))[0])


def test_dropout_zeroes_its_share_keeps_the_mean_and_rests_in_evaluation() -> None:
    random_bytes = RandomBytes()
    dropout = Dropout(0.25, random_bytes).train()
    values = torch.ones(400, 500)
    random_bytes.restart(1, 2)
    dropped = dropout(values)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.005)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    random_bytes.restart(1, 2)
    assert torch.equal(dropout(values), dropped)
    assert not torch.equal(dropout(values), dropped)
    assert dropout.eval()(values) is values
