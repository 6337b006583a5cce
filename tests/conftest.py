"""What all tests share: each test is marked by the layer, that is the directory, it stands in."""

from __future__ import annotations

import signal
from pathlib import Path

# usearch loaded as the first big C++ library makes onnxruntime crash at its import; after grpc both work.
import grpc  # noqa: F401
import pytest

TESTS = Path(__file__).parent
LAYERS = {"unit", "conformance", "contract", "integration", "e2e"}

# A shell starts what runs in the background with Ctrl-C ignored, and programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        layer = item.path.relative_to(TESTS).parts[0]
        if layer not in LAYERS:
            raise pytest.UsageError(f"{item.path} stands in no layer: move it into one of {', '.join(sorted(LAYERS))}")
        item.add_marker(getattr(pytest.mark, layer))
