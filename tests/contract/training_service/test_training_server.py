"""The training server on the wire, without its database: validation, reflection, health, and honest refusals."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from trommel.training.v1 import training_pb2, training_pb2_grpc

from services.plumbing.server import serving
from services.training.composition import compose
from services.training.settings import TrainingServerSettings

SERVICE = "trommel.training.v1.TrainingService"
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Yield the address of the real server, all of whose parts are away."""
    settings = TrainingServerSettings(
        listen="127.0.0.1:0",
        database_url=f"postgresql://trommel@{NOWHERE}/trommel?connect_timeout=1",
        redis_url=f"redis://{NOWHERE}/0",
        triton_url=NOWHERE,
        bundle_store=tmp_path / "bundles",
        model_repository=tmp_path / "models",
        drain_delay_seconds=0,
        drain_seconds=0.1,
    )
    async with compose(settings) as register, serving(settings, register) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
async def stub(address: str) -> AsyncIterator[training_pb2_grpc.TrainingServiceStub]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield training_pb2_grpc.TrainingServiceStub(channel)


REFUSED = [
    ("StartRun", training_pb2.StartRunRequest(run_id="with space"), "run_id"),
    ("StartRun", training_pb2.StartRunRequest(run_id="x" * 65), "run_id"),
    ("StartRun", training_pb2.StartRunRequest(run_id="../etc"), "run_id"),
    ("StartRun", training_pb2.StartRunRequest(seed=-1), "seed"),
    ("StartRun", training_pb2.StartRunRequest(max_epochs=1001), "max_epochs"),
    ("GetRun", training_pb2.GetRunRequest(), "run_id"),
    ("ListRuns", training_pb2.ListRunsRequest(page_size=101), "page_size"),
    ("ListRuns", training_pb2.ListRunsRequest(page_size=-1), "page_size"),
    ("ListRuns", training_pb2.ListRunsRequest(page_token="garbage"), "page_token"),
    ("ListBundles", training_pb2.ListBundlesRequest(page_token="x" * 513), "page_token"),
    ("ListBundles", training_pb2.ListBundlesRequest(page_token="garbage"), "page_token"),
    ("ActivateBundle", training_pb2.ActivateBundleRequest(), "version"),
    ("ActivateBundle", training_pb2.ActivateBundleRequest(version="../../../etc"), "version"),
    ("ActivateBundle", training_pb2.ActivateBundleRequest(version="1" * 10_000), "version"),
]


@pytest.mark.parametrize(("method", "request_", "field"), REFUSED)
async def test_what_can_never_succeed_is_an_invalid_argument_that_names_the_field(stub, method, request_, field):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(stub, method)(request_, timeout=5)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "\n" not in refused.value.details()
    status = rpc_status.from_call(refused.value)
    details = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(details)
    assert [violation.field for violation in details.field_violations] == [field]


async def test_without_a_database_the_answer_is_unavailable(stub):
    requests = {
        "StartRun": training_pb2.StartRunRequest(),
        "GetRun": training_pb2.GetRunRequest(run_id="r"),
        "ListRuns": training_pb2.ListRunsRequest(),
        "ListBundles": training_pb2.ListBundlesRequest(),
        "ActivateBundle": training_pb2.ActivateBundleRequest(version="20240101000000"),
    }

    async def refusal(method: str, request: object) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(stub, method)(request, timeout=20)
        return refused.value.code(), refused.value.details()

    found = await asyncio.gather(*(refusal(method, request) for method, request in requests.items()))
    assert set(found) == {(grpc.StatusCode.UNAVAILABLE, "the database is unavailable; try again")}


async def test_garbage_is_an_invalid_argument(address):
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(f"/{SERVICE}/GetRun")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\xff\xff\xff\xff", timeout=5)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_health(address):
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICE))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_server_and_a_waiting_worker_hold_no_torch():
    program = "import sys; import services.training.server, services.training.worker; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_reflection_lists_the_service(address):
    def services() -> list[str]:
        with grpc.insecure_channel(address) as channel:
            return list(ProtoReflectionDescriptorDatabase(channel).get_services())

    assert SERVICE in await asyncio.to_thread(services)
