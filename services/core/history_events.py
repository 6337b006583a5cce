"""What models read of a history besides its items: each event's type, its value, and the time since the one before.

One definition for serving and training. A row of zeros means that nothing is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEATURES = ("type", "value_known", "value", "gap")
"""The columns: number of the event's type in trommel.feedback.v1.EventType, 0 unknown; 1 where it is a rating, and the
rating; 1 + log2(1 + seconds since the event before), 0 for the first event and where times are unknown."""
RATING = 6
"""The type whose value is a rating; of other types it may be anything."""

TYPE, VALUE_KNOWN, VALUE, GAP = range(len(FEATURES))

_MICROSECONDS = 1e6


def event_features(
    types: NDArray[np.int8], values: NDArray[np.float32], times: NDArray[np.int64]
) -> NDArray[np.float32]:
    """float32 [L, 4] of a history, oldest first, already cut to what is read.

    types: int8 [L]. values: float32 [L], NaN without one; not read where the type is known to be no rating. times:
    int64 [L], microseconds. Each may be empty where nothing is known of it.
    """
    features = np.zeros((max(len(types), len(values), len(times)), len(FEATURES)), np.float32)
    if len(types):
        features[:, TYPE] = types
    if len(values):
        known = np.isfinite(values)
        if len(types):
            known &= types == RATING
        features[:, VALUE_KNOWN] = known
        features[known, VALUE] = values[known]
    if len(times) > 1:
        features[1:, GAP] = gap_feature(times[1:] - times[:-1])
    return features


def gap_feature(microseconds: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 + log2(1 + seconds), float32; time that runs backwards counts as none."""
    gaps: NDArray[np.float32] = (1.0 + np.log2(1.0 + np.maximum(microseconds, 0) / _MICROSECONDS)).astype(np.float32)
    return gaps
