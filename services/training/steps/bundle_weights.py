"""The encoder's weights inside a bundle: what the next training run can start from.

They are the weights as validated, before any pass over the held-out interactions: a run that starts from them has
not seen what it will be validated on. Item vectors have those of the attributes added, as they are served.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from services.core.bundle import BundleDraft
from services.core.item_index import ItemIndex
from services.training.model.encoder import SequenceEncoder

WEIGHTS = "training/encoder.npz"
_ITEMS = "items.weight"
_ATTRIBUTES = "attribute_vectors"


def save_weights(weights: Mapping[str, torch.Tensor], draft: BundleDraft) -> None:
    """Write all weights as one .npz of named arrays."""
    arrays = {name: value.numpy() for name, value in weights.items()}
    np.savez(draft.file(WEIGHTS), **arrays)  # type: ignore[arg-type]


def load_weights(encoder: SequenceEncoder, item_ids: NDArray[np.str_], bundle: Path) -> bool:
    """Take over the bundle's weights; item vectors go by item id, new items keep their random vectors.

    The encoder is a new one: the vectors of its attributes are zero, and those of the bundle's are in its item vectors.

    Returns False, the encoder untouched, if the bundle's encoder has other sizes or cannot be read.
    """
    own = encoder.state_dict()
    try:
        with np.load(bundle / WEIGHTS, allow_pickle=False) as stored:
            found = {name: torch.from_numpy(stored[name]) for name in stored.files}
        known = ItemIndex.load(bundle)
    except (OSError, ValueError, KeyError):
        return False
    vectors = found.pop(_ITEMS, None)
    fits = {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in own.items() if name not in (_ITEMS, _ATTRIBUTES)
    }
    if vectors is None or not fits or vectors.shape[1] != own[_ITEMS].shape[1]:
        return False
    rows = known.rows(item_ids.tolist())
    rows[0] = 0
    taken = torch.from_numpy(rows > 0)
    taken[0] = True
    merged = own[_ITEMS].clone()
    merged[taken] = vectors[torch.from_numpy(rows.astype(np.int64))[taken]]
    encoder.load_state_dict({**own, **found, _ITEMS: merged})
    return True
