"""The series of the text queue are there before the first text is: an alert reads that they stand still."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from unittest.mock import MagicMock
from prometheus_client import REGISTRY
from services.candidates.catalog.text_encoding import TextEncoding
TextEncoding(MagicMock(), MagicMock(), MagicMock())
for name, label, values in (
    ("trommel_encoded_texts_total", "result", ("ok", "failed")),
    ("trommel_text_queue_items", "state", ("waiting", "given_up")),
):
    print(*(REGISTRY.get_sample_value(name, {label: value}) for value in values))
"""


def test_counts_begin_at_zero() -> None:
    # A process of its own: labels that another test has used would be there already.
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.0"] * 4
