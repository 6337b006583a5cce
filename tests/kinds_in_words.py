"""A small world of items of two kinds, told of in words that a tiny text encoder knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from services.core.content_space import ItemContent
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import ContentMapConfig, TextTuningConfig, TrainingConfig
from tests.circle_walks import CONFIG
from tests.tiny_text_encoder import save_tiny_text_encoder

ITEMS, KINDS, USERS, EACH = 240, 2, 200, 12
# Each kind has words of its own, none of which is in all of its texts; the others say nothing.
OF_KIND = [[f"kind{kind}word{place}" for place in range(6)] for kind in range(KINDS)]
FILLING = [f"filling{place}" for place in range(12)]


def log_of_kinds(values: bool = False) -> InteractionLog:
    """Users take items of one kind; an item's text has one word of its kind among two that say nothing."""
    random = np.random.default_rng(0)
    kinds = np.arange(ITEMS + 1) % KINDS
    taken = [random.choice(np.flatnonzero(kinds[1:] == user % KINDS) + 1, EACH, replace=False) for user in range(USERS)]
    texts = [
        " ".join([*random.choice(FILLING, 2), str(random.choice(OF_KIND[kinds[row]]))]) for row in range(ITEMS + 1)
    ]
    rows = np.concatenate(taken).astype(np.int32)
    log = InteractionLog.from_events(
        np.array(["", *(f"item-{row:03}" for row in range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), EACH).astype(np.int32),
        rows,
        np.tile(np.arange(EACH), USERS).astype(np.int64),
        (1.0 + 4.0 * (rows % KINDS)).astype(np.float32) if values else None,
    )
    contents = [ItemContent({}, (f"of {kinds[row]}",)) for row in range(ITEMS + 1)]
    contents[0] = ItemContent()
    return replace(log, texts=["", *texts[1:]], contents=contents)


def config_of(model: str, tasks: tuple[str, ...] = (), epochs: int = 4) -> TrainingConfig:
    tuning = TextTuningConfig(
        epochs=epochs, model=model, tasks=tasks, layers=2, learning_rate=3e-3, head_rate=3e-3, items_per_step=32
    )
    return replace(CONFIG, text_tuning=tuning, content_map=ContentMapConfig((1.5,), (0.1,), (0.0, 2.0)))


def save_model(folder: Path) -> str:
    """Write the text encoder into the folder and return its name."""
    return save_tiny_text_encoder(folder, [*FILLING, *OF_KIND[0], *OF_KIND[1]])
