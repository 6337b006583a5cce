"""The text encoder without Triton, for data sets that are measured rather than served: the same file, run here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.core.text_encoder_files import MODEL
from services.plumbing.text.text_tokens import TextTokens

_TEXTS_AT_ONCE = 512


def encode_texts(
    texts: Sequence[str], folder: Path, threads: int = 0, report: Callable[[float], None] = lambda _: None
) -> NDArray[np.float32]:
    """Unit vectors float32 [K, C] of cleaned texts, by the encoder exported into ``folder``; zeros for empty ones.

    threads: of ONNX Runtime, 0 for its own choice. report: told the share that is done. Raises OSError, ValueError.
    """
    tokens = TextTokens.load(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])
    vectors = np.zeros((len(texts), tokens.description.width), dtype=np.float32)
    filled = np.array([place for place, text in enumerate(texts) if text], dtype=np.int64)
    for start in range(0, len(filled), _TEXTS_AT_ONCE):
        chosen = filled[start : start + _TEXTS_AT_ONCE]
        for batch in tokens.batches([texts[place] for place in chosen]):
            vectors[chosen[batch.places]] = session.run(None, batch.inputs)[0]
        report(min(1.0, (start + _TEXTS_AT_ONCE) / len(filled)))
    return vectors
