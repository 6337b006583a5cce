from __future__ import annotations

import pytest

from services.core.errors import OverloadedError
from services.feedback.admission import Admission


def test_places_are_bounded_and_given_back():
    admission = Admission(2)
    with admission.batch():
        with admission.batch(), pytest.raises(OverloadedError), admission.batch():
            pytest.fail("a third was let in")
        with admission.batch():
            pass
