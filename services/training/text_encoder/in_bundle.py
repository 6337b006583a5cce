"""A text encoder that was fine-tuned with a bundle's ranker, as a model of that bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.core.bundle import BundleDraft, ModelEntry, TensorEntry, model_file
from services.core.content_space import ItemContent, with_vectors
from services.core.text_encoder_files import TEXT_VECTORS, TUNED_TEXT, TUNED_TEXT_ENCODER
from services.training.text_encoder.export import LoadedTextEncoder, write_text_encoder
from services.training.text_encoder.offline import encode_texts


def save_text_encoder(loaded: LoadedTextEncoder, draft: BundleDraft) -> ModelEntry:
    """Write model, tokenizer and description, and check the model against torch. Raises TextEncoderError."""
    path = model_file(TUNED_TEXT_ENCODER)
    write_text_encoder(loaded, draft.file(path).parent)
    return ModelEntry(
        path=path,
        inputs=(TensorEntry("input_ids", "INT64", (-1, -1)), TensorEntry("attention_mask", "INT64", (-1, -1))),
        outputs=(TensorEntry(TEXT_VECTORS, "FP32", (-1, loaded.width)),),
        max_history=0,
        history_buckets=(),
    )


def with_tuned_text(bundle: Path, contents: Sequence[ItemContent], texts: Sequence[str]) -> list[ItemContent]:
    """Contents with what the bundle's own text encoder makes of the texts; as they are where it has none.

    texts: cleaned, one an item. Without Triton, for data sets that are measured rather than served.
    """
    folder = (bundle / model_file(TUNED_TEXT_ENCODER)).parent
    if not folder.is_dir():
        return list(contents)
    return with_vectors(contents, TUNED_TEXT, encode_texts(texts, folder))
