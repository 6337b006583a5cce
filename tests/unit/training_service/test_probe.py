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
        "history_items": ((1, 16), np.int64),
        "history_events": ((1, 16, 4), np.float32),
        "candidate_items": ((1, 64), np.int64),
        "candidate_features": ((1, 64, 4), np.float32),
    }
    for name in ("history_items", "candidate_items"):
        assert inputs[name].min() == 1
        assert inputs[name].max() <= 40
