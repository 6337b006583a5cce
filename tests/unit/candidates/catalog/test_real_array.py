from __future__ import annotations

import struct

import numpy as np
import pytest

from services.candidates.catalog.real_array import RealArray, RealArrayDumper, real_array_of


def test_a_vector_survives_bit_by_bit() -> None:
    values = np.array([0.1, -0.0, 3.4e38, 1e-45], np.float32)
    sent = bytes(RealArrayDumper(RealArray).dump(RealArray(values)))
    assert sent[:20] == struct.pack("!iiIii", 1, 0, 700, 4, 1)
    assert real_array_of(sent).tobytes() == values.tobytes()


@pytest.mark.parametrize("sent", [b"", b"\x00" * 20, struct.pack("!iiIii", 1, 0, 701, 1, 1) + b"\x00" * 8])
def test_what_is_no_vector_of_reals_is_refused(sent: bytes) -> None:
    with pytest.raises(ValueError, match="not a vector"):
        real_array_of(sent)
