"""The K strongest links of every item out of a sparse matrix of links."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def strongest(
    links: sparse.csr_matrix, count: int, first_row: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours int32 [R, K] and weights float32 [R, K] of links [R, N+1], strongest first, equals by row.

    The rows are those of the items from ``first_row`` on. K = min(count, N). Only positive links count; an item is
    no neighbour of itself. 0 after an item's last link.
    """
    items = links.shape[0]
    kept = min(count, links.shape[1] - 1)
    owners = np.repeat(np.arange(items), np.diff(links.indptr))
    fits = (links.indices != owners + first_row) & (links.data > 0)
    owners, targets, values = owners[fits], links.indices[fits], links.data[fits].astype(np.float32)
    # One sort over all links: only those that exist are compared, however large the catalogue.
    order = np.lexsort((targets, -values, owners))
    owners, targets, values = owners[order], targets[order], values[order]
    counts = np.bincount(owners, minlength=items)
    places = np.arange(len(owners)) - (np.cumsum(counts) - counts)[owners]
    within = places < kept
    neighbours = np.zeros((items, kept), dtype=np.int32)
    weights = np.zeros((items, kept), dtype=np.float32)
    neighbours[owners[within], places[within]] = targets[within]
    weights[owners[within], places[within]] = values[within]
    return neighbours, weights
