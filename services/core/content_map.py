"""The content map: where an item that nobody has taken yet would lie among the Transformer's item vectors.

Kernel regression of the learnt vectors on what the items are (the mean of a Gaussian process, Rasmussen and Williams
2006, eq. 2.25): vector(i) = mean + Σ_b k(i, b) · weight_b over known items b, where k(i, b) is
exp(-sharpness · (1 - likeness)). In the same way it foretells factors of who takes what together, where these help
(``cooccurrence``). A few arrays answer for one item or a catalogue, with numpy alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleDraft, BundleError, read_array
from services.core.content_space import ContentSpace, Float32, ItemContent
from services.core.cooccurrence import Cooccurrence, Rows

SPACE = "content/space.json"
BASIS = "content/basis.npy"
WEIGHTS = "content/weights.npy"
MEAN = "content/mean.npy"
USERS = "content/users.npy"
WHITENING = "content/whitening_{}.npy"
FACTOR_WEIGHTS = "content/factor_weights.npy"
FACTOR_MEAN = "content/factor_mean.npy"

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class ContentMap:
    """basis: float32 [B, F], features of known items. weights: float32 [B, D + C]. mean: float32 [D + C].

    users: float32 [R, D], vectors of users as the user encoder sees them: the public that new items are offered to.
    cooccurrence: of C factors; None where C is 0. Q is D without it, and D + C + 1 with it.
    """

    space: ContentSpace
    basis: Float32
    weights: Float32
    mean: Float32
    sharpness: float
    users: Float32
    cooccurrence: Cooccurrence | None = None

    @property
    def width(self) -> int:
        """D, of the bundle's item vectors."""
        return int(self.users.shape[1])

    def fits(self, item_count: int) -> bool:
        """Whether it can read histories of a bundle of so many items."""
        return self.cooccurrence is None or len(self.cooccurrence.factors) == item_count + 1

    def knows(self, items: Sequence[ItemContent]) -> NDArray[np.bool_]:
        """Of which items something is known that counts here, bool [K]; the others all lie at the mean."""
        known: NDArray[np.bool_] = (self.space.features(items) != 0).any(axis=1)
        return known

    def vectors(self, items: Sequence[ItemContent]) -> Float32:
        """float32 [K, Q]: to be multiplied with ``queries``. Of items without any content the mean.

        The first D columns lie in the space of the bundle's item vectors.
        """
        foretold = len(self.mean)
        made = np.ones((len(items), foretold + (self.cooccurrence is not None)), dtype=np.float32)
        for start in range(0, len(items), _ROWS_AT_ONCE):
            features = self.space.features(items[start : start + _ROWS_AT_ONCE])
            likeness = kernel(features, self.basis, self.sharpness)
            made[start : start + _ROWS_AT_ONCE, :foretold] = self.mean + likeness @ self.weights
        return made

    def queries(self, user_vectors: Float32, histories: Sequence[Rows]) -> Float32:
        """float32 [U, Q]: their products with ``vectors`` are logits, as those of the bundle's item vectors are.

        user_vectors: float32 [U, D]. histories: U times int32 [L], the rows that each took.
        """
        if self.cooccurrence is None:
            return user_vectors
        return self.cooccurrence.queries(user_vectors, self.cooccurrence.taken(histories))

    def public_queries(self) -> Float32:
        """float32 [R, Q]: of the users."""
        if self.cooccurrence is None:
            return self.users
        return self.cooccurrence.queries(self.users, self.cooccurrence.public)

    def save(self, draft: BundleDraft) -> None:
        """Write what ``load`` reads."""
        space = self.space
        draft.save_json(
            SPACE,
            {
                "sharpness": self.sharpness,
                "cooccurrence": self.cooccurrence.weight if self.cooccurrence is not None else None,
                "categories": list(space.categories),
                "edges": {name: edges.tolist() for name, edges in space.edges.items()},
                "weights": dict(space.weights),
                "centres": {name: centre.tolist() for name, centre in space.centres.items()},
                "whitenings": list(space.whitenings),
            },
        )
        for place, whitening in enumerate(space.whitenings.values()):
            draft.save_array(WHITENING.format(place), whitening)
        draft.save_array(BASIS, self.basis)
        # What older services know of stands for itself, so that they can read the bundle too.
        draft.save_array(WEIGHTS, self.weights[:, : self.width])
        draft.save_array(MEAN, self.mean[: self.width])
        draft.save_array(USERS, self.users)
        if self.cooccurrence is not None:
            draft.save_array(FACTOR_WEIGHTS, self.weights[:, self.width :])
            draft.save_array(FACTOR_MEAN, self.mean[self.width :])
            self.cooccurrence.save(draft)

    @classmethod
    def load(cls, bundle: Path) -> Self | None:
        """Read a bundle's map; None where it has none. Raises BundleError."""
        path = bundle / SPACE
        if not path.is_file():
            return None
        try:
            raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
            space = ContentSpace(
                {name: np.array(centre, dtype=np.float32) for name, centre in raw["centres"].items()},
                tuple(raw["categories"]),
                {name: np.array(edges, dtype=np.float64) for name, edges in raw["edges"].items()},
                raw["weights"],
                # Older bundles know of none.
                {
                    name: read_array(bundle, WHITENING.format(place))
                    for place, name in enumerate(raw.get("whitenings", []))
                },
            )
            sharpness = float(raw["sharpness"])
            weight = raw.get("cooccurrence")
            weight = float(weight) if weight is not None else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{SPACE} is not a content space: {error!r}") from error
        basis, weights, mean, users = (read_array(bundle, name) for name in (BASIS, WEIGHTS, MEAN, USERS))
        whitens = all(
            name in space.centres and whitening.shape[:1] == space.centres[name].shape and whitening.ndim == 2
            for name, whitening in space.whitenings.items()
        )
        fits = whitens and basis.shape == (len(weights), space.width)
        if not fits or not weights.shape[1:] == mean.shape == users.shape[1:] or not len(users):
            raise BundleError(f"{SPACE} and its arrays do not fit together")
        if weight is None:
            return cls(space, basis, weights, mean, sharpness, users)
        of_factors, factor_mean = read_array(bundle, FACTOR_WEIGHTS), read_array(bundle, FACTOR_MEAN)
        if of_factors.shape != (len(weights), *factor_mean.shape):
            raise BundleError(f"{FACTOR_WEIGHTS} does not fit {SPACE}")
        weights, mean = np.concatenate([weights, of_factors], axis=1), np.concatenate([mean, factor_mean])
        cooccurrence = Cooccurrence.load(bundle, weight, mean, users)
        return cls(space, basis, weights, mean, sharpness, users, cooccurrence)


def kernel(features: Float32, basis: Float32, sharpness: float) -> Float32:
    """float32 [K, B] of features float32 [K, F] and [B, F]."""
    likeness: Float32 = np.exp(np.float32(sharpness) * (features @ basis.T - np.float32(1.0)))
    return likeness
