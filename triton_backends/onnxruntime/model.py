"""A Python-based Triton backend named "onnxruntime": it runs `model.onnx` with the onnxruntime package.

On a CPU build of Triton without the C++ ONNX Runtime backend this makes `backend: "onnxruntime"` work, so
that one model repository serves here and on the NGC image. It reads the C++ backend's parameters from
config.pbtxt: `intra_op_thread_count`, `inter_op_thread_count` (default 1 each: one instance runs one batch
at a time).

It runs inside Triton's stub process, in Triton's own Python environment: standard library, numpy and
onnxruntime only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of one version of one model. Triton calls its methods, never two at a time."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """The checked-in config.pbtxt is complete: nothing is guessed from the file."""
        return auto_complete_model_config

    def initialize(self, args: dict[str, str]) -> None:
        """Opens `<repository>/<version>/model.onnx` and runs it once. An exception here fails the load."""
        config = json.loads(args["model_config"])
        file_name = config.get("default_model_filename") or "model.onnx"
        path = Path(args["model_repository"], args["model_version"], file_name)
        if not path.is_file():
            raise pb_utils.TritonModelException(f"{path} does not exist")
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=_session_options(config), providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        _check_signature(config, "input", self._session.get_inputs())
        _check_signature(config, "output", self._session.get_outputs())
        _warm_up(self._session)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers each request in order. Requests of equal shape run as one batch; errors stay with theirs."""
        responses: list[Any] = [None] * len(requests)
        groups: dict[tuple[Any, ...], list[tuple[int, dict[str, np.ndarray]]]] = {}
        for position, request in enumerate(requests):
            try:
                feed = {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
            except Exception as error:  # noqa: BLE001 - an unreadable request answers for itself alone
                responses[position] = _failed(f"cannot read the inputs: {error}")
                continue
            groups.setdefault(_shape_key(feed), []).append((position, feed))
        for group in groups.values():
            self._run_group(group, requests, responses)
        return responses

    def _run_group(
        self, group: list[tuple[int, dict[str, np.ndarray]]], requests: list[Any], responses: list[Any]
    ) -> None:
        feeds = [feed for _, feed in group]
        joined = (
            feeds[0]
            if len(feeds) == 1
            else {name: np.concatenate([feed[name] for feed in feeds]) for name in self._inputs}
        )
        try:
            outputs = dict(zip(self._outputs, self._session.run(self._outputs, joined), strict=True))
        except Exception as error:  # noqa: BLE001 - of many kinds, all answered to the caller
            if len(group) == 1:
                responses[group[0][0]] = _failed(str(error))
                return
            for entry in group:  # one bad row fails a whole run: find whose it is
                self._run_group([entry], requests, responses)
            return
        start = 0
        for position, feed in group:
            stop = start + len(feed[self._inputs[0]])
            rows = {name: array[start:stop] for name, array in outputs.items()}
            responses[position] = _answer(rows, requests[position].requested_output_names())
            start = stop


def _session_options(config: dict[str, Any]) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _integer_parameter(config, "intra_op_thread_count", default=1)
    options.inter_op_num_threads = _integer_parameter(config, "inter_op_thread_count", default=1)
    options.log_severity_level = 3
    # Threads that wait for their next share would keep a core from whoever answers requests meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _integer_parameter(config: dict[str, Any], name: str, *, default: int) -> int:
    text = config.get("parameters", {}).get(name, {}).get("string_value", "")
    try:
        return int(text) if text else default
    except ValueError:
        raise pb_utils.TritonModelException(f"parameter {name} must be an integer, not {text!r}") from None


def _check_signature(config: dict[str, Any], side: str, tensors: list[Any]) -> None:
    """Same names and ranks on both sides, a free batch dimension, and sizes that config.pbtxt fixes."""
    declared = {entry["name"]: [int(size) for size in entry["dims"]] for entry in config[side]}
    in_file = {tensor.name: tensor.shape for tensor in tensors}
    if set(declared) - set(in_file) or (side == "input" and set(in_file) - set(declared)):
        raise pb_utils.TritonModelException(
            f"{side}s of model.onnx are {sorted(in_file)}, config.pbtxt declares {sorted(declared)}"
        )
    for name, dims in declared.items():
        shape = in_file[name]
        agrees = len(shape) == len(dims) + 1 and not isinstance(shape[0], int)
        if not agrees or any(_differ(size, dim) for size, dim in zip(shape[1:], dims, strict=True)):
            raise pb_utils.TritonModelException(
                f"{side} {name} of model.onnx has shape {shape}, config.pbtxt wants [batch, "
                f"{', '.join(map(str, dims))}]"
            )


def _differ(size_in_file: int | str | None, dim: int) -> bool:
    return isinstance(size_in_file, int) and dim != -1 and size_in_file != dim


def _warm_up(session: onnxruntime.InferenceSession) -> None:
    """Runs zeros once: a file that loads but cannot run fails its load, and older versions keep serving.

    Sizes that the file fixes (the number of features) are the file's own; free ones are 1 for the batch and
    the shortest history bucket for the others. This is why ranker needs no `model_warmup` in config.pbtxt,
    which could only know one number of features.
    """
    feed = {
        tensor.name: np.zeros(
            [1, *(size if isinstance(size, int) else _FREE_SIZE for size in tensor.shape[1:])],
            _NUMPY_TYPES[tensor.type],
        )
        for tensor in session.get_inputs()
    }
    session.run(None, feed)


_FREE_SIZE = 16
_NUMPY_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
}


def _shape_key(feed: dict[str, np.ndarray]) -> tuple[Any, ...]:
    return tuple((name, array.shape[1:]) for name, array in feed.items())


def _answer(outputs: dict[str, np.ndarray], wanted: list[str]) -> Any:
    for name in wanted:
        array = outputs[name]
        # Triton passes NaN on as a success; a score nobody can sort by is an error here.
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return _failed(f"output {name} has a value that is not finite")
    tensors = [pb_utils.Tensor(name, np.ascontiguousarray(outputs[name])) for name in wanted]
    return pb_utils.InferenceResponse(output_tensors=tensors)


def _failed(message: str) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message))
