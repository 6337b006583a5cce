"""Texts as tokens, in few shapes: batches of one length bucket each, as the text encoder takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from services.core.text_encoder_files import TOKENIZER, TextEncoderDescription

LENGTHS = (16, 32, 64, 128, 256, 512)
"""Numbers of tokens that texts are padded to."""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Texts of like length. places: int64 [B], which of the texts. inputs: int64 [B, T] by name, as the model's."""

    places: NDArray[np.int64]
    inputs: dict[str, NDArray[np.int64]]


class TextTokens:
    """The tokenizer of one exported text encoder."""

    def __init__(self, tokenizer: Tokenizer, description: TextEncoderDescription) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(description.max_tokens)
        self._tokenizer = tokenizer
        self.description = description

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it out of the folder of an exported encoder. Raises OSError, ValueError."""
        description = TextEncoderDescription.load(folder)
        text = (folder / TOKENIZER).read_text("utf-8")
        try:
            return cls(Tokenizer.from_str(text), description)
        except Exception as error:  # tokenizers raises nothing more special
            raise ValueError(f"{folder / TOKENIZER} is not a tokenizer") from error

    def batches(self, texts: Sequence[str], most: int = 32) -> Iterator[TokenBatch]:
        """Every text once, the short ones first, at most ``most`` in a batch."""
        encoded = self._tokenizer.encode_batch(list(texts))
        buckets: dict[int, list[int]] = {}
        for place, tokens in enumerate(encoded):
            count = len(tokens.ids)
            buckets.setdefault(next((length for length in LENGTHS if length >= count), count), []).append(place)
        for length, places in sorted(buckets.items()):
            for start in range(0, len(places), most):
                chosen = places[start : start + most]
                ids = np.full((len(chosen), length), self.description.padding_id, dtype=np.int64)
                mask = np.zeros_like(ids)
                for row, place in enumerate(chosen):
                    numbers: list[int] = encoded[place].ids
                    ids[row, : len(numbers)] = numbers
                    mask[row, : len(numbers)] = 1
                yield TokenBatch(np.array(chosen, dtype=np.int64), {"input_ids": ids, "attention_mask": mask})
