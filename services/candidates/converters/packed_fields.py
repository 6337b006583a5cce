"""Repeated numbers as they stand on the wire: thousands of them without a Python object each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LENGTH_DELIMITED = 2
_ONE_BYTE, _TWO_BYTES = 1 << 7, 1 << 14


def packed_field(field_number: int, data: bytes) -> bytes:
    """Return a packed repeated field: tag, length and data."""
    return _varint(field_number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data


def varints(values: NDArray[np.integer]) -> bytes:
    """Return varints of whole numbers that are not negative, one after the other; fastest below 16384."""
    greatest = int(values.max(initial=0))
    if greatest < _ONE_BYTE:
        return values.astype(np.uint8).tobytes()
    if greatest >= _TWO_BYTES:
        return b"".join(map(_varint, values.tolist()))
    both = np.empty((len(values), 2), np.uint8)
    long = values >= _ONE_BYTE
    both[:, 0] = values & 0x7F | long.astype(np.uint8) << 7
    both[:, 1] = values >> 7
    written = np.ones(both.shape, np.bool_)
    written[:, 1] = long
    return both[written].tobytes()


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
