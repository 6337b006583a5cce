from __future__ import annotations

import numpy as np
import pytest
import torch

from services.training.model.action_heads import ActionHead, ActionHeads
from services.training.model.blend import Blend
from services.training.model.dropout import Dropout, RandomBytes
from services.training.model.encoder import EncoderShape, SequenceEncoder
from services.training.model.event_inputs import EventScale
from services.training.model.served import ServedRanker
from services.training.steps.item_attributes import ItemAttributes

SHAPE = EncoderShape(item_count=30, width=16, blocks=2, heads=2, hidden=24, max_history=32)


@pytest.fixture
def encoder() -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = SequenceEncoder(SHAPE, events=EventScale(types=True, value_mean=3.0, value_deviation=2.0, gaps=True))
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder.eval()


def left_padded(items: list[int], length: int) -> torch.Tensor:
    return torch.tensor([[0] * (length - len(items)) + items])


def events_of(items: torch.Tensor) -> torch.Tensor:
    """Something known of the event on every item, nothing of padding."""
    columns = (items % 8 + 1, (items % 2).float(), 0.4 * items * (items % 2), (items % 5) * 2.5)
    return torch.stack([column.float() for column in columns], dim=-1) * (items > 0)[..., None]


def vectors_of(encoder: SequenceEncoder, items: torch.Tensor) -> torch.Tensor:
    return encoder.user_vectors(items, events_of(items))


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("items", [[], [7], [3, 9, 27, 1, 14]])
@torch.no_grad()
def test_padding_changes_nothing(encoder: SequenceEncoder, items: list[int]) -> None:
    wanted = vectors_of(encoder, left_padded(items, max(len(items), 1)))
    for length in (6, 16, 32):
        close(vectors_of(encoder, left_padded(items, length)), wanted)


@torch.no_grad()
def test_a_training_position_is_a_serving_example(encoder: SequenceEncoder) -> None:
    first, second = [3, 9, 27, 1], [14, 2, 8]
    items = torch.tensor([[*first, *second, 0, 0]])
    segments = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 0, 0]])
    states = encoder(items, events_of(items), segments)[0]
    for count in range(1, 5):
        close(states[count - 1], vectors_of(encoder, left_padded(first[:count], 16))[0])
    for count in range(1, 4):
        close(states[4 + count - 1], vectors_of(encoder, left_padded(second[:count], 16))[0])


@torch.no_grad()
def test_order_and_every_item_matter(encoder: SequenceEncoder) -> None:
    vectors = [vectors_of(encoder, left_padded(items, 8)) for items in ([1, 2, 3], [2, 1, 3], [1, 2, 4], [2, 3])]
    for place, one in enumerate(vectors):
        for other in vectors[place + 1 :]:
            assert (one - other).abs().max() > 1e-3


def random_blend(features: int, hidden: int) -> Blend:
    random = np.random.default_rng(0)
    size = features + 2
    parts = [random.normal(size=shape).astype(np.float32) for shape in (size, (size, hidden), hidden, hidden)]
    return Blend(np.array([2.0, 1.0], dtype=np.float32), *parts)


def random_actions() -> ActionHeads:
    torch.manual_seed(1)
    heads = (ActionHead("rating", None, 3.5, 1.1, 1.0, 5.0), ActionHead("like_probability", 4, 0.2))
    factors = torch.randn(SHAPE.item_count + 1, 3)
    actions = ActionHeads(heads, SHAPE.item_count, SHAPE.width, factors, torch.tensor([4.0, 8.0, 8.0, 8.0]))
    with torch.no_grad():
        for parameter in actions.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return actions.eval()


@pytest.mark.parametrize("hidden", [0, 5])
@torch.no_grad()
def test_a_candidates_score_is_its_own_affair(encoder: SequenceEncoder, hidden: int) -> None:
    blend = random_blend(features=2, hidden=hidden)
    actions = random_actions()
    served = ServedRanker(encoder, blend, 0.5, -1.0, actions).eval()
    history = left_padded([3, 9, 27], 16)
    candidates = torch.tensor([[5, 6, 7, 8]])

    def ranker(candidates: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return served(vectors_of(encoder, history), history, events_of(history), candidates, features)

    features = torch.tensor([[[1.0, 0.0], [3.0, -1.0], [0.0, 0.5], [2.0, 2.0]]])
    together = ranker(candidates, features)
    assert together.shape == (1, 4, 4)
    for place in range(4):
        close(ranker(candidates[:, [place]], features[:, [place]]), together[:, [place]])
    order = [2, 0, 3, 1]
    close(ranker(candidates[:, order], features[:, order]), together[:, order])
    padded = ranker(torch.nn.functional.pad(candidates, (0, 60)), torch.nn.functional.pad(features, (0, 0, 0, 60)))
    close(padded[:, :4], together)
    taste = vectors_of(encoder, history)[0] @ encoder.items.weight[candidates[0]].T
    close(together[:, :, 1], torch.sigmoid(0.5 * together[:, :, 0] - 1.0))
    close(together[0, :, 0], torch.from_numpy(blend.scores(taste.numpy(), features[0].numpy(), history_length=3)))
    assert float(together[..., 2].min()) >= 1.0
    assert float(together[..., 2].max()) <= 5.0
    assert float(together[..., 3].min()) > 0.0
    assert float(together[..., 3].max()) < 1.0


@torch.no_grad()
def test_attributes_are_part_of_the_items_and_fold_into_them() -> None:
    known = ItemAttributes.from_names([(), *(["odd", f"third-{row % 3}"][row % 2 == 0 :] for row in range(1, 31))])
    assert known is not None
    matrix = sparse_matrix(known, rows=31)
    torch.manual_seed(0)
    encoder = SequenceEncoder(SHAPE, attributes=matrix).eval()
    close(encoder.item_vectors(), encoder.items.weight)
    encoder.attribute_vectors.copy_(torch.randn_like(encoder.attribute_vectors))
    wanted = encoder.items.weight.clone()
    for row, code, weight in zip(known.rows(), known.codes, known.weights(), strict=True):
        wanted[row] += float(weight) * encoder.attribute_vectors[code]
    close(encoder.item_vectors(), wanted)
    folded = encoder.folded()
    close(folded.items.weight, wanted)
    history = left_padded([3, 9, 27], 8)
    close(vectors_of(folded, history), vectors_of(encoder, history))


def test_attributes_learn_by_the_right_gradient() -> None:
    known = ItemAttributes.from_names([(), *(["a", "b", "c"][row % 3 :] for row in range(1, 31))])
    assert known is not None
    matrix = sparse_matrix(known, rows=31)
    encoder = SequenceEncoder(SHAPE, attributes=matrix)
    upstream = torch.randn(31, SHAPE.width)
    (encoder.item_vectors() * upstream).sum().backward()
    close(encoder.attribute_vectors.grad, matrix.to_dense().T @ upstream)


def sparse_matrix(known: ItemAttributes, rows: int) -> torch.Tensor:
    columns = (known.starts, known.codes.astype(np.int64), known.weights())
    return torch.sparse_csr_tensor(*map(torch.from_numpy, columns), (rows, known.count), check_invariants=True)


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
