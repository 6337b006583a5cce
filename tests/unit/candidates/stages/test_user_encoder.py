from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from services.candidates.stages.user_encoder import UserEncoder
from services.core.bundle import ModelEntry
from services.core.errors import UnavailableError

MODEL = ModelEntry("", (), (), 6, (2, 4, 6), vector_size=3)


def events_of(rows: list[int]) -> NDArray[np.float32]:
    """What is known of each event: that its value is ten times its row."""
    return np.array([[6, 1, 10 * row, 0] for row in rows], np.float32)


class Triton:
    def __init__(self, answer: object) -> None:
        self.answer = np.array(answer, np.float32)
        self.asked: list[tuple[str, str, list[list[int]]]] = []

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str, timeout_seconds: float
    ) -> NDArray[np.float32]:
        assert output == "user_vectors"
        assert inputs["history_items"].dtype == np.int64
        assert inputs["history_events"].dtype == np.float32
        assert inputs["history_events"][..., 2].tolist() == (10.0 * inputs["history_items"]).tolist()
        self.asked.append((model, version, inputs["history_items"].tolist()))
        return self.answer


@pytest.mark.parametrize(
    ("rows", "padded"),
    [([7], [0, 7]), ([1, 2], [1, 2]), ([1, 2, 3], [0, 1, 2, 3]), (list(range(1, 10)), [4, 5, 6, 7, 8, 9])],
)
async def test_histories_are_left_padded_to_a_bucket_and_the_newest_count(rows: list[int], padded: list[int]) -> None:
    triton = Triton([[1, 2, 3]])
    vector = await UserEncoder(triton, "20240101000000", MODEL, 1.0).encode(np.array(rows, np.int32), events_of(rows))
    assert vector.tolist() == [1, 2, 3]
    assert triton.asked == [("user_encoder", "20240101000000", [padded])]


@pytest.mark.parametrize("answer", [[[1, 2]], [[1, 2, np.nan]], [1, 2, 3]])
async def test_what_is_no_vector_is_refused(answer: object) -> None:
    with pytest.raises(UnavailableError):
        await UserEncoder(Triton(answer), "1", MODEL, 1.0).encode(np.array([1], np.int32), events_of([1]))
