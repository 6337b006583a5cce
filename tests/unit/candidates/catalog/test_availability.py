from __future__ import annotations

import numpy as np

from services.candidates.catalog.availability import ALWAYS, NEVER, Availability


def test_windows_open_and_close_to_the_microsecond() -> None:
    always, window, deleted = (ALWAYS, NEVER, False), (100, 200, False), (ALWAYS, NEVER, True)
    columns = [np.array(column) for column in zip(always, window, deleted, strict=True)]
    availability = Availability(columns[0], columns[1], columns[2])
    opened = {now: availability.open_at(now).tolist() for now in (99, 100, 199, 200, 150, 50)}
    assert {now: mask[1] for now, mask in opened.items()} == {
        99: False, 100: True, 199: True, 200: False, 150: True, 50: False,
    }  # fmt: skip
    assert all(mask[0] and not mask[2] for mask in opened.values())


def test_the_mask_is_made_anew_only_when_a_window_begins_or_ends() -> None:
    availability = Availability(np.array([100]), np.array([200]), np.array([False]))
    first = availability.open_at(120)
    assert availability.open_at(199) is first
    assert availability.open_at(200) is not first
    assert first.tolist() == [True], "what a request holds does not change under it"
