from __future__ import annotations

import pytest

from services.training.steps.fit_progress import Progress, ProgressReport, TrainingStoppedError

STAGES = {"transformer": 3.0, "sources": 1.0}


def test_the_fraction_runs_through_the_stages_and_never_falls() -> None:
    seen: list[Progress] = []
    report = ProgressReport(seen.append, lambda: False, STAGES)
    report.enter("transformer")
    report.enter("transformer", resumed_share=0.5)
    report.enter("sources")
    report.enter("transformer")
    assert [(progress.stage, progress.fraction) for progress in seen] == [
        ("transformer", 0.0),
        ("transformer", 0.375),
        ("sources", 0.75),
        ("transformer", 0.75),
    ]


def test_what_was_last_known_is_kept() -> None:
    seen: list[Progress] = []
    report = ProgressReport(seen.append, lambda: False, STAGES)
    report.advance(0.1, loss=2.0)
    report.advance(0.2, validation_ndcg=0.1)
    report.enter("sources")
    assert (seen[-1].loss, seen[-1].validation_ndcg) == (2.0, 0.1)


def test_reports_come_at_most_twice_a_second() -> None:
    seen: list[Progress] = []
    report = ProgressReport(seen.append, lambda: False, STAGES)
    for step in range(1000):
        report.advance(step / 1000)
    assert len(seen) < 10


def test_a_run_that_shall_stop_stops_at_its_next_word() -> None:
    stop = False
    report = ProgressReport(lambda progress: None, lambda: stop, STAGES)
    report.advance(0.1)
    stop = True
    with pytest.raises(TrainingStoppedError):
        report.advance(0.2)
