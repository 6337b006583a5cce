"""Co-occurrence: who took what else, as factors that what an item is can foretell, beside the Transformer's vectors.

The cosine of two items' takers is factors_i · factors_j, truncated to the largest eigenvalues (PureSVD: Cremonesi,
Koren and Turrin 2010, on items of unit length). So a user's likeness to an item is the sum of the factors of what the
user took times the item's; the content map foretells the latter for an item that nobody has taken yet. Item vectors
say what suits a user next, factors what is taken together and how much: each is wrong in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleDraft, BundleError, read_array

FACTORS = "content/cooccurrence_factors.npy"
COVARIANCE = "content/cooccurrence_covariance.npy"
PUBLIC = "content/cooccurrence_public.npy"

_SMALL = 1e-12

Float32 = NDArray[np.float32]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Cooccurrence:
    """What factors say of newcomers, and how much that counts.

    factors: float32 [N+1, C] by row, zeros where nothing is known. weight: of the factors' logit beside the vectors',
    both in standard deviations over the known items. mean: float32 [D + C], and covariance: float32 [D + C, D + C], of
    known items' vectors and factors side by side. public: float32 [R, C], what the map's users took.
    """

    factors: Float32
    weight: float
    mean: Float32
    covariance: Float32
    public: Float32

    def taken(self, histories: Sequence[Rows]) -> Float32:
        """float32 [U, C]: the sum of the factors of what each took."""
        return taken_factors(self.factors, histories)

    def queries(self, user_vectors: Float32, taken: Float32) -> Float32:
        """float32 [U, D + C + 1], to be multiplied with an item's vector, its factors and 1.

        user_vectors: float32 [U, D]. taken: float32 [U, C]; of whom it is zero, the vectors alone count. Over the known
        items the products have the mean and the spread of the vectors' own logits, so that both can be compared.
        """
        width = user_vectors.shape[1]
        of_vectors = self.covariance[:width, :width]
        spreads, of_taken = _spread(user_vectors, of_vectors), _spread(taken, self.covariance[width:, width:])
        share = np.float32(self.weight) * spreads / of_taken * taken.any(axis=1)
        both = np.concatenate([user_vectors, taken * share[:, None]], axis=1)
        both *= (spreads / _spread(both, self.covariance))[:, None]
        level = user_vectors @ self.mean[:width] - both @ self.mean
        return np.concatenate([both, level[:, None]], axis=1).astype(np.float32)

    def save(self, draft: BundleDraft) -> None:
        """Write what ``load`` reads, but for the weight and the mean, which the content map keeps."""
        draft.save_array(FACTORS, self.factors)
        draft.save_array(COVARIANCE, self.covariance)
        draft.save_array(PUBLIC, self.public)

    @classmethod
    def load(cls, bundle: Path, weight: float, mean: Float32, users: Float32) -> Self:
        """Read a bundle's, for the map's users float32 [R, D]. Raises BundleError."""
        factors, covariance, public = (read_array(bundle, name) for name in (FACTORS, COVARIANCE, PUBLIC))
        count = len(mean) - users.shape[1]
        fits = factors.ndim == 2 and factors.shape[1] == count and public.shape == (len(users), count)
        if not fits or covariance.shape != (len(mean), len(mean)):
            raise BundleError(f"{FACTORS} does not fit the content map")
        return cls(factors, weight, mean, covariance, public)


def taken_factors(factors: Float32, histories: Sequence[Rows]) -> Float32:
    """float32 [U, C]: sums of factors float32 [N+1, C] over the rows, int32 [L], that each took."""
    sums = np.zeros((len(histories), factors.shape[1]), dtype=np.float32)
    for place, rows in enumerate(histories):
        sums[place] = factors[rows].sum(axis=0)
    return sums


def _spread(rows: Float32, covariance: Float32) -> Float32:
    """float32 [U]: standard deviations of the products of rows [U, W] with items of this covariance [W, W]."""
    spreads: Float32 = np.sqrt(np.maximum((rows @ covariance * rows).sum(axis=1), _SMALL)).astype(np.float32)
    return spreads
