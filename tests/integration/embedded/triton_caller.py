"""Calls the tiny models in a running Triton."""

from __future__ import annotations

import numpy as np
import tritonclient.grpc as triton

from tests.integration.embedded.tiny_models import FEATURES, VECTOR_SIZE

# After a restart of the server a client should be back within a moment, not after gRPC's default of seconds.
_CHANNEL = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]


class TritonCaller:
    """One client. `rank` gives the first score, which says the version's scale: it is 4 · scale · feature."""

    def __init__(self, endpoint: str) -> None:
        self.client = triton.InferenceServerClient(endpoint, channel_args=_CHANNEL)

    def rank(self, version: str = "", *, feature: float = 1.0, batch: int = 1, features: int = FEATURES) -> float:
        inputs = [
            triton.InferInput("user_vectors", [batch, VECTOR_SIZE], "FP32"),
            triton.InferInput("history_items", [batch, 16], "INT64"),
            triton.InferInput("candidate_items", [batch, 64], "INT64"),
            triton.InferInput("candidate_features", [batch, 64, features], "FP32"),
            triton.InferInput("history_events", [batch, 16, 4], "FP32"),
        ]
        inputs[0].set_data_from_numpy(np.ones((batch, VECTOR_SIZE), np.float32))
        inputs[1].set_data_from_numpy(np.ones((batch, 16), np.int64))
        inputs[2].set_data_from_numpy(np.ones((batch, 64), np.int64))
        inputs[3].set_data_from_numpy(np.full((batch, 64, features), feature, np.float32))
        inputs[4].set_data_from_numpy(np.zeros((batch, 16, 4), np.float32))
        scores = self.client.infer("ranker", inputs, model_version=version, client_timeout=10).as_numpy("scores")
        assert scores is not None
        assert scores.shape == (batch, 64, 1)
        return float(scores[0, 0, 0])

    def encode(self, version: str = "") -> np.ndarray:
        history = triton.InferInput("history_items", [1, 16], "INT64")
        history.set_data_from_numpy(np.full((1, 16), 3, np.int64))
        events = triton.InferInput("history_events", [1, 16, 4], "FP32")
        events.set_data_from_numpy(np.zeros((1, 16, 4), np.float32))
        return self.client.infer("user_encoder", [history, events], model_version=version, client_timeout=10).as_numpy(
            "user_vectors"
        )

    def load(self) -> None:
        for name in ("ranker", "user_encoder"):
            self.client.load_model(name)

    def close(self) -> None:
        self.client.close()
