from __future__ import annotations

import numpy as np

from services.training.steps.probe import example_input
from tests.bundle_maker import make_bundle


def test_inputs_are_shaped_as_serving_shapes_them(tmp_path):
    manifest = make_bundle(tmp_path, item_count=40)
    ranker = manifest.models["ranker"]
    inputs = {tensor.name: example_input(tensor, ranker, manifest.item_count) for tensor in ranker.inputs}
    assert {name: (array.shape, array.dtype) for name, array in inputs.items()} == {
        "user_vectors": ((1, 16), np.float32),
        "history_lengths": ((1, 1), np.int64),
        "candidate_items": ((1, 64), np.int64),
        "candidate_features": ((1, 64, 4), np.float32),
    }
    assert inputs["candidate_items"].min() == 1
    assert inputs["candidate_items"].max() <= 40
    encoder = manifest.models["user_encoder"]
    (history,) = (example_input(tensor, encoder, manifest.item_count) for tensor in encoder.inputs)
    assert (history.shape, history.dtype, history.min()) == ((1, 16), np.int64, 1)
