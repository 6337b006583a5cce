"""The text space: texts of one scenario's items as vectors in which it counts what tells them apart.

A text encoder puts all guitars close together, whatever kind they are: most of what its vectors say is said by all.
Whitening (each principal direction divided by its standard deviation) makes what few of them say count as much. It is
made of the items' texts alone, so that a scenario has it before anybody did anything there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

MOST_DIRECTIONS = 128
"""Directions that are kept, at most: the last ones are noise."""
# Each direction's spread is told by at least so many texts.
_TEXTS_A_DIRECTION = 4
_MOST_FITTED = 20_000
_RECENCY = 0.7
_SMALL = 1e-6


@dataclass(frozen=True, slots=True)
class TextSpace:
    """centre: float32 [W]. directions: float32 [W, K], whitening."""

    centre: Float32
    directions: Float32

    @classmethod
    def fit(cls, vectors: Float32) -> Self | None:
        """Return the space of texts float32 [M, W]; None of too few to tell anything. O(min(M, 20,000) · W² + W³)."""
        count = min(len(vectors) // _TEXTS_A_DIRECTION, MOST_DIRECTIONS, vectors.shape[1])
        if not count:
            return None
        # Evenly spaced, so that equal catalogues give equal spaces.
        fitted = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_FITTED)).astype(np.intp)]
        centre = fitted.mean(axis=0)
        variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(fitted - centre, rowvar=False)))
        spreads = np.sqrt(np.maximum(variances[::-1][:count], 0))
        # What all texts say alike has no spread: it must not become the loudest.
        loud = spreads > _SMALL * max(float(spreads[0]), _SMALL)
        kept = directions[:, ::-1][:, :count][:, loud] / spreads[loud]
        return cls(centre, kept.astype(np.float32))

    def place(self, vectors: Float32) -> Float32:
        """float32 [C, K], unit rows, of texts float32 [C, W]."""
        placed: Float32 = np.asarray((vectors - self.centre) @ self.directions, np.float32)
        return unit_rows(placed)


def unit_rows(vectors: Sequence[Float32] | Float32) -> Float32:
    """The vectors float32 [C, W], each of unit length; zeros stay."""
    stacked = np.array(vectors, dtype=np.float32)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    unit: Float32 = (stacked / np.maximum(lengths, _SMALL)).astype(np.float32)
    return unit


def standard(scores: Float32) -> Float32:
    """The scores float32 [C] in standard deviations from their mean."""
    made: Float32 = ((scores - scores.mean()) / max(float(scores.std()), _SMALL)).astype(np.float32)
    return made


def taste(placed: Float32) -> Float32:
    """float32 [K]: what a user reads like who took items placed at float32 [L, K], oldest first.

    taste = Σ_l a_l^-0.7 · z_l, a_l = 1 for the newest, 2 for the one before it. The exponent is what a model of this
    form learns on MovieLens-100K (0.63 to 0.76), and is not tuned on any scenario that it is used for.
    """
    shares = np.arange(len(placed), 0, -1, dtype=np.float32) ** -_RECENCY
    return (shares @ placed).astype(np.float32)
