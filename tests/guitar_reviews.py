"""Reviews of invented guitars for tests, and a stand-in for the text encoder that tells their words apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

WORDS = ("film", "guitar", "red", "blue", "green", "brown", "warm", "loud")
KINDS = ("red", "blue", "green", "brown")
USERS, ITEMS, TAKEN = 60, 48, 8


def counted(texts: Sequence[str], encoder: str | None, threads: int) -> np.ndarray:
    """Vectors of texts as a stand-in for the encoder's: how often each word occurs."""
    made = np.array([[text.lower().count(word) for word in WORDS] for text in texts], np.float32)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def write_guitars(path: Path, items: int = ITEMS) -> Path:
    """Every user takes guitars of one kind, and says what they are; in the form of Amazon's reviews."""
    random = np.random.default_rng(1)
    lines = []
    for user in range(USERS):
        for time, item in enumerate(random.choice(np.arange(user % 4, items, 4), TAKEN, replace=False).tolist()):
            review = f"a guitar, {KINDS[item % 4]} " + ("warm " * (item % 3)) + ("loud " * (item % 5))
            row = {"reviewerID": f"u{user}", "asin": f"g{item}", "overall": 4.0, "unixReviewTime": time}
            lines.append(json.dumps({**row, "reviewText": review, "summary": ""}))
    path.write_text("\n".join(lines) + "\n")
    return path
