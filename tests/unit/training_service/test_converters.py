from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from trommel.training.v1 import training_pb2

from services.training.bundle_record import BundleRecord, BundleState
from services.training.converters import bundle_message, parameters_of, run_message
from services.training.run_record import RunParameters, RunRecord, RunState

TIME = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)


def test_every_run_state_has_its_number():
    numbers = {run_message(RunRecord("r", state, "", 0.0, "", TIME)).state: state.value for state in RunState}
    assert {f"STATE_{value}": number for number, value in numbers.items()}.items() <= dict(
        training_pb2.Run.State.items()
    ).items()
    assert len(numbers) == 4


def test_every_bundle_state_has_its_number():
    numbers = {bundle_message(BundleRecord("1", state, "", "", TIME)).state: state.value for state in BundleState}
    assert {f"STATE_{value}": number for number, value in numbers.items()}.items() <= dict(
        training_pb2.Bundle.State.items()
    ).items()
    assert len(numbers) == 3


def test_times_keep_their_microseconds_and_absent_ones_stay_absent():
    elsewhere = TIME.astimezone(timezone(timedelta(hours=5)))
    message = run_message(RunRecord("r", RunState.QUEUED, "", 0.0, "", elsewhere))
    assert message.create_time.ToDatetime(UTC) == TIME
    assert not message.HasField("start_time")
    assert not message.HasField("end_time")


def test_a_run_as_callers_see_it():
    record = RunRecord(
        "r",
        RunState.FAILED,
        "transformer",
        0.25,
        "stopped",
        TIME,
        started_at=TIME,
        ended_at=TIME,
        bundle_version="20240229235959",
        metrics={"ranker/ndcg@10": 0.1},
        error="no memory",
    )
    message = run_message(record)
    assert (message.id, message.step, message.progress, message.message) == ("r", "transformer", 0.25, "stopped")
    assert (message.bundle_version, message.error) == ("20240229235959", "no memory")
    assert dict(message.metrics) == {"ranker/ndcg@10": 0.1}


def test_parameters_survive_the_database():
    request = training_pb2.StartRunRequest(seed=2**40, warm_start=True, max_epochs=3, skip_activation=True)
    parameters = parameters_of(request)
    assert parameters == RunParameters(2**40, True, 3, True)
    assert RunParameters.from_json({**parameters.to_json(), "of_another_release": 1}) == parameters
    assert RunParameters.from_json({}) == RunParameters()
