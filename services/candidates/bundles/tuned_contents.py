"""Contents with what a bundle's own text encoder makes of the texts, where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.candidates.bundles.newcomers import Contents
from services.core.content_space import ItemContent, with_vectors
from services.core.text_encoder_files import TUNED_TEXT
from services.plumbing.text.text_encoder import TextEncoder

# Of one batch, as for the catalog's own texts.
_ENCODE_SECONDS = 20.0


class Texts(Protocol):
    """Where texts come from."""

    async def of(self, item_ids: Sequence[str]) -> list[str]:
        """Return the texts in the order of the ids."""
        ...


class TunedContents:
    """Contents of items, each with one vector more."""

    def __init__(self, contents: Contents, texts: Texts, encoder: TextEncoder) -> None:
        self._contents = contents
        self._texts = texts
        self._encoder = encoder

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        """Return the contents in the order of the ids.

        Raises:
            UnavailableError: Triton or the database is away.
            TimeoutError: No answer in time.
        """
        contents = await self._contents.of(item_ids)
        vectors = await self._encoder.encode(await self._texts.of(item_ids), _ENCODE_SECONDS)
        return with_vectors(contents, TUNED_TEXT, vectors)
