"""Text vectors of the catalog's items, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.real_array import real_array_of
from services.core.text_encoder_files import TEXT
from services.plumbing.clients.postgres import Pool, connection

_SELECT = """
SELECT item_id, array_send("values") FROM item_vectors WHERE tenant = %s AND name = %s AND item_id = ANY(%s)
"""


class TextVectors:
    """Vectors of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def of(self, item_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return float32 [W] by item id, of those that have one. Raises UnavailableError."""
        async with connection(self._pool) as borrowed:
            found = await borrowed.execute(_SELECT, (self._tenant, TEXT, list(item_ids)), binary=True)
            return {item_id: real_array_of(sent) async for item_id, sent in found}
