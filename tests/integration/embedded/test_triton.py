"""The embedded Triton serves, reloads and recovers, with real ONNX models in our backend."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from tritonclient.utils import InferenceServerException

from services.embedded import StackSettings, status
from tests.integration.embedded import tiny_models
from tests.integration.embedded.conftest import eventually
from tests.integration.embedded.triton_caller import TritonCaller

FIRST, SECOND, BROKEN = "20261122105312", "20261122110000", "20261122111111"


@pytest.fixture(scope="module")
def published(kept_stack: StackSettings) -> StackSettings:
    """The first version of both models is in the repository."""
    tiny_models.publish(kept_stack.models, FIRST, scale=1.0)
    return kept_stack


@pytest.fixture
def caller(stack: StackSettings, published: StackSettings) -> Iterator[TritonCaller]:
    """A client of the running Triton with the models loaded."""
    client = TritonCaller(f"127.0.0.1:{published.port_base + 31}")
    client.load()
    yield client
    client.close()


@contextmanager
def _half_written(settings: StackSettings) -> Iterator[None]:
    """While it lasts, the ranker has a newer version whose file ends in the middle."""
    whole = (settings.models / "ranker" / FIRST / "model.onnx").read_bytes()
    folder = settings.models / "ranker" / BROKEN
    folder.mkdir()
    (folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(settings.models / "ranker" / f".refused-{BROKEN}", ignore_errors=True)


def _server(settings: StackSettings) -> psutil.Process:
    return next(psutil.Process(process.pid) for process in status(settings) if process.name == "triton")


def _stub(settings: StackSettings, model: str, version: str) -> psutil.Process:
    return next(
        child
        for child in _server(settings).children(recursive=True)
        if f"/{model}/{version}/" in " ".join(child.cmdline())
    )


def _answers(caller: TritonCaller, version: str) -> bool:
    try:
        return caller.rank(version) == pytest.approx(4.0)
    except InferenceServerException:
        return False


def test_it_serves_both_models(caller: TritonCaller) -> None:
    assert caller.rank(FIRST, feature=0.5) == pytest.approx(2.0)
    assert caller.rank(FIRST, batch=32) == pytest.approx(4.0)
    assert caller.encode(FIRST).shape == (1, tiny_models.VECTOR_SIZE)
    assert caller.encode(FIRST)[0, 0] == pytest.approx(3.0)


def test_more_than_the_largest_batch_is_refused(caller: TritonCaller) -> None:
    with pytest.raises(InferenceServerException, match="batch-size must be <= 32"):
        caller.rank(FIRST, batch=33)


def test_a_result_that_is_not_finite_is_an_error(caller: TritonCaller) -> None:
    with pytest.raises(InferenceServerException, match="not finite"):
        caller.rank(FIRST, feature=float("nan"))


def test_waiting_requests_run_as_one_batch_and_a_bad_one_fails_alone(caller: TritonCaller) -> None:
    before = caller.client.get_inference_statistics("ranker", FIRST).model_stats[0]

    def call(number: int) -> float | str:
        try:
            return caller.rank(FIRST, feature=float("nan") if number % 10 == 0 else float(number))
        except InferenceServerException as error:
            return error.message()

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(400)))

    for number, result in enumerate(results):
        if number % 10 == 0:
            assert "not finite" in str(result)
        else:
            assert result == pytest.approx(4.0 * number)
    after = caller.client.get_inference_statistics("ranker", FIRST).model_stats[0]
    # Triton counts a moment later than it answers; by far fewer executions than requests all the same.
    assert 0 < after.execution_count - before.execution_count < 400


def test_a_request_of_the_wrong_shape_fails_alone(caller: TritonCaller) -> None:
    with pytest.raises(InferenceServerException, match="candidate_features"):
        caller.rank(FIRST, features=tiny_models.FEATURES + 1)
    assert caller.rank(FIRST) == pytest.approx(4.0)


def test_a_new_version_goes_live_under_traffic(caller: TritonCaller, published: StackSettings) -> None:
    old_stub = _stub(published, "ranker", FIRST)
    errors: list[str] = []
    calls = [0]
    stop = threading.Event()

    def traffic() -> None:
        own = TritonCaller(f"127.0.0.1:{published.port_base + 31}")
        while not stop.is_set():
            try:
                assert own.rank(FIRST) == pytest.approx(4.0)
                calls[0] += 1
            except InferenceServerException as error:
                errors.append(str(error))
        own.close()

    threads = [threading.Thread(target=traffic) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        tiny_models.publish(published.models, SECOND, scale=2.0)
        caller.load()
        assert caller.rank(SECOND) == pytest.approx(8.0)
        assert caller.rank() == pytest.approx(8.0), "without a version the newest answers"
        caller.load()  # nothing new: nothing happens
        time.sleep(0.2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert errors == []
    assert calls[0] > 0
    assert old_stub.is_running(), "the version before was not touched"
    assert caller.rank(FIRST) == pytest.approx(4.0)


def test_a_file_that_cannot_run_does_not_load_and_harms_no_other(
    caller: TritonCaller, published: StackSettings
) -> None:
    with _half_written(published):
        with pytest.raises(InferenceServerException, match="load failed"):
            caller.client.load_model("ranker")
        assert not caller.client.is_model_ready("ranker", BROKEN)
        assert caller.rank(FIRST) == pytest.approx(4.0)


def test_a_killed_server_comes_back_with_its_models(caller: TritonCaller, published: StackSettings) -> None:
    killed = _server(published)
    with _half_written(published):  # as training leaves it when it is killed at the same time
        killed.kill()
        eventually(lambda: _answers(caller, FIRST), "Triton answers again, without being told to load")
    assert caller.encode(FIRST)[0, 0] == pytest.approx(3.0)
    assert _server(published).pid != killed.pid


def test_a_killed_model_process_is_noticed_and_replaced(caller: TritonCaller, published: StackSettings) -> None:
    """Triton itself would call the model ready and fail every call, for ever."""
    eventually(lambda: _answers(caller, FIRST), "Triton answers")
    # The watch can only miss what it has seen; it looks once a second.
    time.sleep(2.5)
    os.kill(_stub(published, "ranker", FIRST).pid, signal.SIGKILL)
    eventually(lambda: _answers(caller, FIRST), "the ranker answers again")
    assert "is gone: restarting Triton" in (published.root / "logs" / "triton_watch.log").read_text()
