from __future__ import annotations

import numpy as np
import pytest
from trommel.candidates.v1 import candidates_pb2 as pb

from services.candidates.converters.packed_fields import packed_field, varints

FIELD = pb.Candidates.DESCRIPTOR.fields_by_name["category_offsets"].number


@pytest.mark.parametrize(
    "values", [[], [0], [0, 1, 127], [5, 127, 128, 16_383, 0], [16_384, 1, 2**32 - 1], list(range(1000))]
)
def test_reads_as_what_was_written_number_by_number(values: list[int]) -> None:
    written = pb.Candidates.FromString(packed_field(FIELD, varints(np.array(values, np.uint32))))
    assert list(written.category_offsets) == values
    signed = varints(np.array(values, np.int64))
    assert packed_field(FIELD, signed) == (pb.Candidates(category_offsets=values).SerializeToString() or b"\x3a\x00")
