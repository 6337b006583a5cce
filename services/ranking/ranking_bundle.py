"""What ranking holds of a bundle: the item index, how to feed its ranker, what is popular and what goes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import RANKER, BundleError, BundleManifest, ModelEntry, read_array
from services.core.item_index import ItemIndex
from services.core.item_scenarios import ItemScenarios
from services.core.sources import item_knn, popularity
from services.core.sources.top_rows import top_rows

# The fallback needs a slate and what may not be in it, not the whole catalogue.
_MAX_POPULAR = 20_000
_NONE = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Item neighbours: rows int32 [N+1, K] (0 where there are fewer) and weights float32 [N+1, K], mapped from disk."""

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RankingBundle:
    """One bundle as ranking uses it.

    Attributes:
        index: Item id ↔ row.
        ranker: How the ranker is fed.
        head_weights: float32 [H], weight of each of its heads.
        popular_rows: int32 [P], the most popular items first.
        popular_scores: float32 [P].
        neighbours: For reasons; None when the bundle has no item-kNN.
        scenarios: Of the items; None when all are of the default one.
    """

    index: ItemIndex
    ranker: ModelEntry
    head_weights: NDArray[np.float32]
    popular_rows: NDArray[np.int32]
    popular_scores: NDArray[np.float32]
    neighbours: Neighbours | None
    scenarios: ItemScenarios | None = None

    @classmethod
    def load(cls, path: Path, manifest: BundleManifest, head_weights: Mapping[str, float]) -> RankingBundle:
        """Read what ranking needs of a bundle.

        Raises:
            BundleError: Something is missing, or none of the ranker's heads has a weight.
        """
        ranker = manifest.models.get(RANKER)
        if ranker is None:
            raise BundleError(f"bundle {manifest.version} has no model named {RANKER}")
        weights = np.array([head_weights.get(head, 0.0) for head in ranker.heads], np.float32)
        if not weights.any():
            raise BundleError(
                f"no head of bundle {manifest.version} ({', '.join(ranker.heads)}) has a weight; "
                f"set TROMMEL_HEAD_WEIGHTS"
            )
        rows, scores = top_rows(read_array(path, popularity.SCORES), _MAX_POPULAR, _NONE)
        index, scenarios = ItemIndex.load(path), ItemScenarios.load(path)
        if scenarios is not None and len(scenarios.numbers) != index.item_count + 1:
            raise BundleError(f"bundle {manifest.version}: its scenarios do not fit its items")
        return cls(index, ranker, weights, rows, scores, _neighbours(path, manifest), scenarios)


def _neighbours(path: Path, manifest: BundleManifest) -> Neighbours | None:
    if item_knn.ItemKnnSource.name not in manifest.sources:
        return None
    # Mapped, not read: a slate touches the neighbours of one history.
    return Neighbours(
        _mapped(path / item_knn.NEIGHBOURS),
        _mapped(path / item_knn.WEIGHTS),
    )


def _mapped(path: Path) -> NDArray[Any]:
    """Return an array that stays on disk, without numpy.memmap's own indexing, which is slow on small parts."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
