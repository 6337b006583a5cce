"""Saves the sequence source: the encoder's item vectors and the ANN index over them."""

from __future__ import annotations

import numpy as np

# usearch 2.26 loaded before onnxruntime 1.31 makes the latter crash at its import; the other way round both work.
import onnxruntime  # noqa: F401
from usearch.index import Index

from services.core.bundle import BundleDraft
from services.core.sources.sequence import INDEX, ITEM_VECTORS, SequenceSource
from services.training.model.encoder import SequenceEncoder


def from_encoder(encoder: SequenceEncoder) -> SequenceSource:
    """The encoder's item vectors; row 0 zero."""
    vectors = encoder.items.weight.detach().numpy().astype(np.float32).copy()
    vectors[0] = 0.0
    return SequenceSource(vectors)


def save(source: SequenceSource, draft: BundleDraft) -> None:
    """Write item_vectors.npy and the inner-product index, keys = rows."""
    vectors = source.item_vectors
    draft.save_array(ITEM_VECTORS, vectors)
    index = Index(
        ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=32, expansion_add=128, expansion_search=128
    )
    # One thread: the graph depends on the order of insertion, and equal runs shall give equal bundles.
    index.add(np.arange(1, len(vectors)), vectors[1:], threads=1)
    index.save(str(draft.file(INDEX)))
