"""How much a user likes an item, comparable between users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A new item is offered to the fifth of the users whom it suits best.
_SUITED_SHARE = 0.2
_SMALL = 1e-12


class Liking:
    """How much a user likes an item, beside how much the user likes items at all.

    liking(u, v) = (u · v - μ · u) / √(uᵀ Σ u): the logit in standard deviations of the user's logits over the known
    items, whose vectors have the mean μ and the covariance Σ. So users who like nearly everything, or nearly nothing,
    can be compared.
    """

    def __init__(
        self, item_vectors: NDArray[np.float32], public: NDArray[np.float32], queries: NDArray[np.float32]
    ) -> None:
        """item_vectors: float32 [N, D] of the known items. public: float32 [R, D], vectors of users.

        queries: float32 [R, Q], what newcomers' vectors are multiplied with for the logits of these users.
        """
        self._mean = item_vectors.mean(axis=0)
        self._covariance = np.atleast_2d(np.cov(item_vectors, rowvar=False)).astype(np.float32)
        spreads = np.sqrt(np.maximum(np.einsum("rd,de,re->r", public, self._covariance, public), _SMALL))
        self._queries = queries / spreads[:, np.newaxis]
        self._levels = public @ self._mean / spreads

    def of(self, user_vector: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [C] for one user's logits of C items."""
        liking: NDArray[np.float32] = (logits - user_vector @ self._mean) / self._spread(user_vector)
        return liking

    def _spread(self, user_vector: NDArray[np.float32]) -> np.float32:
        return np.float32(np.sqrt(max(float(user_vector @ self._covariance @ user_vector), _SMALL)))

    def least(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [K]: for each newcomer, float32 [K, Q], the liking that only a fifth of the public reaches."""
        likings = self._queries @ vectors.T - self._levels[:, np.newaxis]
        least: NDArray[np.float32] = np.quantile(likings, 1 - _SUITED_SHARE, axis=0).astype(np.float32)
        return least
