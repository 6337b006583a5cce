"""The files of an exported text encoder: what training writes, Triton loads and callers read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
DESCRIPTION = "text_encoder.json"

TEXT_ENCODER = "text_encoder"
"""Name of the model in Triton."""
VERSION = "1"
"""Its version in Triton: it belongs to no bundle, and when another takes its place every text is encoded anew."""
TEXT_VECTORS = "text_vectors"
"""Name of its output."""
FOLDER = "text_encoder"
"""Where its files lie in the bundle store."""
TEXT = "text"
"""Name of its vectors among an item's content vectors."""
TUNED_TEXT_ENCODER = "tuned_text_encoder"
"""Name of the model in Triton, and in a bundle, that was fine-tuned with the bundle's ranker; its version is theirs."""
TUNED_TEXT = "tuned_text"
"""Name of its vectors among an item's content vectors."""
MOST_ATTEMPTS = 5
"""A text that could not be encoded so often is left alone until it is written again."""


@dataclass(frozen=True, slots=True)
class TextEncoderDescription:
    """What a caller must know. width: C of a vector. max_tokens: what is longer is cut. padding_id: of a token.

    fingerprint: of model and tokenizer; vectors of different ones lie in different spaces. precision: of the weights,
    "fp32" or "int8". least_cosine: the least cosine between its vectors and the original's, over a few sentences.
    """

    name: str
    width: int
    max_tokens: int
    padding_id: int
    fingerprint: str
    precision: str = "fp32"
    least_cosine: float = 1.0

    def to_json(self) -> str:
        """The text of DESCRIPTION."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an exported encoder's description. Raises OSError, ValueError."""
        try:
            return cls(**json.loads((folder / DESCRIPTION).read_text("utf-8")))
        except TypeError as error:
            raise ValueError(f"{folder / DESCRIPTION} does not describe a text encoder") from error
