"""A small log with a plain pattern, and the settings to train on it in a second, for tests."""

from __future__ import annotations

import numpy as np

from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig, TransformerConfig

CONFIG = TrainingConfig(
    threads=1,
    candidates=30,
    transformer=TransformerConfig(
        max_history=20,
        width=16,
        hidden=32,
        positions_per_step=80,
        epochs=4,
        least_steps=0,
        warm_epochs=2,
        finish_epochs=1,
    ),
)


def circle_log(items: int = 40, users: int = 60, newest: int = 12) -> InteractionLog:
    """Users walk around a circle of items: what comes next is plain from what came last."""
    random = np.random.default_rng(0)
    owners, rows = [], []
    for user in range(users):
        start = random.integers(items)
        steps = np.cumsum(random.integers(1, 3, newest))
        rows.extend((start + steps) % items + 1)
        owners.extend([user] * newest)
    ids = np.array(["", *(f"item-{row}" for row in range(1, items + 1))])
    times = np.arange(len(rows), dtype=np.int64) * 1_000_000
    return InteractionLog.from_events(
        ids, np.array(owners, np.int32), np.array(rows, np.int32), times
    ).without_repeats()
