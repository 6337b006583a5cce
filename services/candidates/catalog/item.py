"""An item as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be recommended.

    Attributes:
        id: Unique in the tenant.
        scenario: Surface or domain, never empty.
        title: Name a person sees.
        text: Description in words.
        categories: Distinct names, in the caller's order.
        available_from_microseconds: First moment it may be shown, since 1970-01-01 UTC; None means always.
        available_until_microseconds: First moment it may no longer be shown; None means never.
        attributes: A JSON object as text.
        vectors: Content vectors by name, float32 [D] each.
    """

    id: str
    scenario: str = "default"
    title: str = ""
    text: str = ""
    categories: tuple[str, ...] = ()
    available_from_microseconds: int | None = None
    available_until_microseconds: int | None = None
    attributes: str = "{}"
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def approximate_bytes(self) -> int:
        """About what the item takes in a message: its long parts."""
        return (
            256 + len(self.title) + len(self.text) + len(self.attributes) + sum(v.nbytes for v in self.vectors.values())
        )
