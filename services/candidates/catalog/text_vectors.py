"""Text vectors of the catalog's items, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.item_vectors import vectors_of
from services.core.text_encoder_files import TEXT
from services.plumbing.clients.postgres import Pool, connection


class TextVectors:
    """Vectors of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def of(self, item_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return float32 [W] by item id, of those that have one. Raises UnavailableError."""
        async with connection(self._pool) as borrowed:
            found = await vectors_of(borrowed, self._tenant, item_ids)
        return {item_id: named[TEXT] for item_id, named in found.items() if TEXT in named}
