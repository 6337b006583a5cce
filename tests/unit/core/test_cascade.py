from __future__ import annotations

import numpy as np
import pytest

from services.core.cascade import candidates_for, knows_everybody, proposals_for
from services.core.sources.popularity import PopularitySource
from services.core.sources.sequence import SequenceSource


@pytest.mark.parametrize(("places", "least", "wanted"), [(10, 304, 304), (200, 304, 400), (1000, 304, 1024), (3, 1, 6)])
def test_candidates_of_a_slate(places: int, least: int, wanted: int) -> None:
    assert candidates_for(places, least) == wanted


def test_what_a_source_proposes() -> None:
    popularity = PopularitySource(np.array([-np.inf, 1.0], np.float32))
    sequence = SequenceSource(np.zeros((2, 4), np.float32))
    assert knows_everybody(popularity)
    assert not knows_everybody(sequence)
    assert proposals_for(304, of_everybody=True) == 304
    assert proposals_for(304, of_everybody=False) == 203
