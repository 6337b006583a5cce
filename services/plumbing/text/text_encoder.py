"""The text encoder in Triton: texts → unit vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.core.errors import UnavailableError
from services.core.inference import Inference
from services.core.text_encoder_files import TEXT_ENCODER, TEXT_VECTORS, VERSION, TextEncoderDescription
from services.plumbing.text.text_tokens import TextTokens, TokenBatch


class TextEncoder:
    """Tokenises here, in a thread, and has Triton do the rest, one batch after the other."""

    def __init__(
        self, client: Inference, tokens: TextTokens, model: str = TEXT_ENCODER, version: str = VERSION
    ) -> None:
        """model, version: in Triton."""
        self._client = client
        self._tokens = tokens
        self._model = model
        self._version = version

    @property
    def description(self) -> TextEncoderDescription:
        """Of the encoder whose tokenizer this is."""
        return self._tokens.description

    async def encode(self, texts: Sequence[str], timeout_seconds: float) -> NDArray[np.float32]:
        """Return float32 [K, C] of cleaned texts; zeros for empty ones.

        timeout_seconds: for each batch of at most 32 texts.

        Raises:
            UnavailableError: Triton is away, or what it gave are no vectors.
            TimeoutError: No answer in time.
        """
        vectors = np.zeros((len(texts), self.description.width), np.float32)
        filled = [place for place, text in enumerate(texts) if text]
        batches = await asyncio.to_thread(self._batches, [texts[place] for place in filled])
        for batch in batches:
            made = await self._client.infer(self._model, self._version, batch.inputs, TEXT_VECTORS, timeout_seconds)
            if made.shape != (len(batch.places), self.description.width) or not np.isfinite(made).all():
                raise UnavailableError(f"model {self._model} gave no vectors of {self.description.width} numbers")
            vectors[[filled[place] for place in batch.places]] = made
        return vectors

    def _batches(self, texts: list[str]) -> list[TokenBatch]:
        return list(self._tokens.batches(texts))


class TextEncoderFolder:
    """Where the exported encoder appears once training has made it, and is replaced when another is wanted."""

    def __init__(self, folder: Path, client: Inference) -> None:
        self._folder = folder
        self._client = client
        self._loaded: TextEncoder | None = None

    def current(self) -> TextEncoder | None:
        """Return the encoder, read anew where its description changed; None where there is none yet.

        Raises OSError, ValueError where what lies there is none.
        """
        try:
            description = TextEncoderDescription.load(self._folder)
        except FileNotFoundError:
            return None
        if self._loaded is None or self._loaded.description != description:
            self._loaded = TextEncoder(self._client, TextTokens.load(self._folder))
        return self._loaded
