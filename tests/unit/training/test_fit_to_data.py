from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import RecencyConfig, TrainingConfig, TransformerConfig
from services.training.steps.fit_to_data import fitting
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.training_cost import MULTIPLICATIONS_A_MINUTE, epoch_multiplications


def log_of(lengths: list[int], items: int) -> InteractionLog:
    total = sum(lengths)
    rows = (np.arange(total) % items + 1).astype(np.int32)
    users = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    ids = np.array(["", *map(str, range(1, items + 1))])
    return InteractionLog.from_events(ids, users, rows, np.arange(total, dtype=np.int64))


@pytest.mark.parametrize(("lengths", "longest"), [([5] * 50, 16), ([17] * 50, 32), ([120] * 5, 128), ([500] * 5, 200)])
def test_histories_are_read_as_long_as_they_are(lengths: list[int], longest: int) -> None:
    assert fitting(TrainingConfig(), log_of(lengths, 40)).transformer.max_history == longest


def test_the_configuration_limits_the_history() -> None:
    config = TrainingConfig(transformer=TransformerConfig(max_history=20))
    assert fitting(config, log_of([50] * 5, 40)).transformer.max_history == 20


def test_dropout_falls_and_the_learning_rate_rises_where_items_have_many_interactions() -> None:
    found = [fitting(TrainingConfig(), log_of([n] * 10, 10)).transformer for n in (5, 15, 27, 50, 200)]
    share = np.log(27 / 15) / np.log(50 / 15)
    assert [settings.learning_rate for settings in found] == pytest.approx([4e-3, 4e-3, 4e-3 * 2**share, 8e-3, 8e-3])
    rates = [settings.dropout for settings in found]
    assert rates[:2] == [0.5, 0.5]
    assert rates[2] == pytest.approx(0.5 - 0.25 * share)
    assert rates[3:] == [0.25, 0.25]


def test_a_training_costs_what_its_counts_say_and_the_budget_cuts_the_epochs() -> None:
    # 20 users of 5 interactions and an empty history each, 120 positions; 8 items, all of them opponents; histories
    # of 16. A block: 7·4² + 3·4·8 + 2·16·4 = 336.
    log = log_of([5] * 20, 8)
    settings = TransformerConfig(max_history=16, width=4, blocks=2, heads=1, hidden=8, least_steps=0)
    cost = 3 * 120 * (2 * 336 + 4 * 8)
    assert epoch_multiplications(settings, log) == cost
    assert epoch_multiplications(replace(settings, full_softmax_items=7, negatives=5), log) == cost - 3 * 120 * 4 * 3
    for epochs_paid, epochs in ((0.5, 1), (7.2, 7), (1000.0, 24)):
        paid = replace(settings, budget_minutes=epochs_paid * cost / MULTIPLICATIONS_A_MINUTE)
        assert fitting(TrainingConfig(transformer=paid), log).transformer.epochs == epochs


def test_small_data_is_gone_through_more_often() -> None:
    # 120 positions, 12 steps an epoch.
    settings = TransformerConfig(positions_per_step=10, epochs=3, least_steps=60, most_epochs=8)
    log = log_of([5] * 20, 8)
    for least, epochs in ((0, 3), (36, 3), (37, 4), (60, 5), (1000, 8)):
        found = fitting(TrainingConfig(transformer=replace(settings, least_steps=least)), log)
        assert found.transformer.epochs == epochs


def test_the_attributes_source_needs_attributes() -> None:
    log = log_of([5] * 5, 4)
    assert "attributes" not in fitting(TrainingConfig(), log).sources
    known = ItemAttributes.from_names([(), ["a"], ["a", "b"], ["b"], []])
    described = InteractionLog(log.item_ids, log.starts, log.rows, log.times, attributes=known)
    assert "attributes" in fitting(TrainingConfig(), described).sources


def test_the_recency_source_needs_repeats() -> None:
    once = log_of([4] * 50, 4)
    assert "recency" not in fitting(TrainingConfig(), once.without_repeats()).sources
    again = log_of([8] * 50, 4).without_repeats()
    assert again.repeats is not None
    assert again.repeats.share == 0.5
    assert "recency" in fitting(TrainingConfig(), again).sources
    assert "recency" not in fitting(TrainingConfig(recency=RecencyConfig(least_share=0.6)), again).sources
