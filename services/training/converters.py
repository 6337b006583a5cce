"""Contracts ↔ records, pure."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from trommel.training.v1 import training_pb2

from services.training.bundle_record import BundleRecord, BundleState
from services.training.run_record import RunParameters, RunRecord, RunState

_RUN_STATES = {
    RunState.QUEUED: training_pb2.Run.STATE_QUEUED,
    RunState.RUNNING: training_pb2.Run.STATE_RUNNING,
    RunState.SUCCEEDED: training_pb2.Run.STATE_SUCCEEDED,
    RunState.FAILED: training_pb2.Run.STATE_FAILED,
}
_BUNDLE_STATES = {
    BundleState.READY: training_pb2.Bundle.STATE_READY,
    BundleState.ACTIVE: training_pb2.Bundle.STATE_ACTIVE,
    BundleState.DELETED: training_pb2.Bundle.STATE_DELETED,
}


def parameters_of(request: training_pb2.StartRunRequest) -> RunParameters:
    """Return what the caller asked for."""
    return RunParameters(
        seed=request.seed,
        warm_start=request.warm_start,
        max_epochs=request.max_epochs,
        skip_activation=request.skip_activation,
    )


def run_message(record: RunRecord) -> training_pb2.Run:
    """Return a run as callers see it."""
    return training_pb2.Run(
        id=record.id,
        state=_RUN_STATES[record.state],
        step=record.step,
        progress=record.progress,
        message=record.message,
        create_time=_timestamp(record.created_at),
        start_time=_timestamp(record.started_at),
        end_time=_timestamp(record.ended_at),
        bundle_version=record.bundle_version,
        metrics=dict(record.metrics),
        error=record.error,
    )


def bundle_message(record: BundleRecord) -> training_pb2.Bundle:
    """Return a bundle as callers see it."""
    return training_pb2.Bundle(
        version=record.version,
        state=_BUNDLE_STATES[record.state],
        run_id=record.run_id,
        parent_version=record.parent_version,
        create_time=_timestamp(record.created_at),
        activate_time=_timestamp(record.activated_at),
        metrics=dict(record.metrics),
        item_count=record.item_count,
    )


def _timestamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
