"""A run waits for texts while they are being encoded, and no longer; time and queue are the test's."""

from __future__ import annotations

import pytest

from services.training.steps.fit_progress import TrainingStoppedError
from services.training.steps.wait_for_texts import wait_for_texts


class Encoding:
    """A queue of which so many texts leave in each second, and the clock by which they do."""

    def __init__(self, waiting: int, *, encoded: int = 0, each_second: float = 10.0, added: int = 0) -> None:
        self.now = 0.0
        self.slept = 0
        self._start, self._encoded, self._rate, self._added = waiting, encoded, each_second, added

    def encoded(self) -> int:
        return self._encoded

    def waiting(self) -> int:
        return max(0, self._start - int(self.now * self._rate)) + (self._added if self.now >= 1 else 0)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        self.slept += 1


def wait(queue: Encoding, seconds: float, said: list[str] | None = None, stop_after: float | None = None):
    said = [] if said is None else said
    return wait_for_texts(
        queue,
        seconds,
        said.append,
        lambda: stop_after is not None and queue.now >= stop_after,
        clock=queue.clock,
        sleep=queue.sleep,
    )


def test_it_waits_for_the_last_text_and_says_how_far_it_is():
    queue, said = Encoding(35, encoded=1_200), []
    assert wait(queue, 120, said) == 0
    assert queue.now == 4.0
    assert said == [f"{1_200 + done:,} of 1,235 encoded" for done in (0, 10, 20, 30)]


def test_nothing_waits_or_nobody_wants_to():
    for queue, seconds in ((Encoding(0), 120), (Encoding(35), 0)):
        assert wait(queue, seconds) == 0
        assert queue.slept == 0


def test_the_time_is_bounded(caplog):
    queue = Encoding(10_000)
    assert wait(queue, 60.5) == 9_395
    assert queue.now == 60.5
    assert "without the texts of 9395 items: 60.5 s are over" in caplog.text


def test_where_nobody_encodes_it_goes_on(caplog):
    queue = Encoding(500, each_second=0)
    assert wait(queue, 3600) == 500
    assert queue.now == 20.0
    assert "none was encoded for 20 s" in caplog.text


def test_a_slow_encoder_is_an_encoder():
    queue = Encoding(10, each_second=0.1)
    assert wait(queue, 3600) == 0
    assert queue.now == 100.0


def test_what_is_imported_meanwhile_counts(caplog):
    queue, said = Encoding(20, added=15), []
    assert wait(queue, 10, said) == 15
    assert said[0] == "0 of 20 encoded"
    assert said[1] == "0 of 25 encoded"
    assert said[-1] == "10 of 25 encoded"


def test_a_run_that_is_stopped_waits_no_longer():
    queue = Encoding(1_000, each_second=1)
    with pytest.raises(TrainingStoppedError):
        wait(queue, 120, stop_after=3)
    assert queue.now == 3.0
