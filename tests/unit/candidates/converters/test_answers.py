from __future__ import annotations

import numpy as np
from trommel.candidates.v1 import candidates_pb2 as pb

from services.candidates.converters.answers import fill_user


def test_the_user_is_written_as_the_encoder_saw_them_and_is_absent_otherwise() -> None:
    response = pb.GenerateCandidatesResponse()
    fill_user(response.user, None, 3)
    assert not response.HasField("user")
    fill_user(response.user, np.array([0.25, -3.5], np.float32), 3)
    assert response.HasField("user")
    assert (list(response.user.vector), response.user.history_length) == ([0.25, -3.5], 3)
