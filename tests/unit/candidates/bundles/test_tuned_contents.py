from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.candidates.bundles.tuned_contents import TunedContents
from services.core.content_space import ItemContent
from services.core.errors import UnavailableError
from services.core.text_encoder_files import TEXT, TUNED_TEXT, TUNED_TEXT_ENCODER
from services.plumbing.text.text_encoder import TextEncoder
from services.plumbing.text.text_tokens import TextTokens
from tests.unit.candidates.test_intent import WORDS, put_encoder
from tests.unit.candidates.world import Contents

VERSION = "20240101000000"


class Triton:
    """Knows one version of one model, which gives unit vectors."""

    def __init__(self, away: bool = False) -> None:
        self.away = away

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str, timeout_seconds: float
    ) -> NDArray[np.float32]:
        assert (model, version) == (TUNED_TEXT_ENCODER, VERSION)
        if self.away:
            raise UnavailableError("away")
        made = np.zeros((len(inputs["input_ids"]), len(WORDS)), np.float32)
        made[:, int(inputs["input_ids"].max())] = 1.0
        return made


class Texts:
    async def of(self, item_ids: Sequence[str]) -> list[str]:
        return ["" if item_id == "silent" else "space" for item_id in item_ids]


def contents_of(triton: Triton, folder: Path) -> TunedContents:
    put_encoder(folder)
    known = Contents(
        {"told": ItemContent({TEXT: np.ones(2, np.float32)}, ("drama",)), "silent": ItemContent({}, ("war",))}
    )
    return TunedContents(known, Texts(), TextEncoder(triton, TextTokens.load(folder), TUNED_TEXT_ENCODER, VERSION))


async def test_what_says_something_gets_one_vector_more(tmp_path: Path) -> None:
    told, silent = await contents_of(Triton(), tmp_path).of(["told", "silent"])
    assert set(told.vectors) == {TEXT, TUNED_TEXT}
    assert told.vectors[TUNED_TEXT].tolist() == np.eye(len(WORDS))[WORDS.index("space")].tolist()
    assert told.categories == ("drama",)
    assert silent == ItemContent({}, ("war",))


async def test_nothing_is_half_read_while_triton_is_away(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await contents_of(Triton(away=True), tmp_path).of(["told"])
