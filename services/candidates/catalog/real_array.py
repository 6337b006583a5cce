"""float32 vectors to and from PostgreSQL's real[] in its binary form, without a Python object a value."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import AdaptersMap, Buffer, Dumper
from psycopg.pq import Format

_REAL_OID, _REAL_ARRAY_OID = 700, 1021
# Dimensions, whether there are nulls, element type, then length and first subscript of the one dimension.
_HEADER = struct.Struct("!iiIii")
_ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])


@dataclass(frozen=True, slots=True)
class RealArray:
    """A vector on its way to a real[] column: float32 [D]."""

    values: NDArray[np.float32]


class RealArrayDumper(Dumper):
    """Writes a RealArray as PostgreSQL sends arrays itself."""

    format = Format.BINARY
    oid = _REAL_ARRAY_OID

    def dump(self, obj: RealArray) -> Buffer:
        """Return the header and the big-endian elements, each behind its size."""
        elements = np.empty(len(obj.values), _ELEMENT)
        elements["bytes"] = 4
        elements["value"] = obj.values
        return _HEADER.pack(1, 0, _REAL_OID, len(elements), 1) + elements.tobytes()


def register_real_arrays(adapters: AdaptersMap) -> None:
    """Teach a connection or cursor to take RealArray parameters."""
    adapters.register_dumper(RealArray, RealArrayDumper)


def real_array_of(sent: bytes) -> NDArray[np.float32]:
    """Read what array_send(real[]) returns: one dimension, no nulls. Raises ValueError for anything else."""
    if len(sent) < _HEADER.size:
        raise ValueError("not a vector of reals")
    dimensions, nulls, element, length, _ = _HEADER.unpack_from(sent)
    if (dimensions, nulls, element) != (1, 0, _REAL_OID):
        raise ValueError("not a vector of reals")
    return np.frombuffer(sent, _ELEMENT, length, _HEADER.size)["value"].astype(np.float32)
