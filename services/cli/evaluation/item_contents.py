"""What is known of a data set's items, ready for the content map: texts become vectors here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.data_directory import data_directory
from services.cli.progress import progress
from services.cli.readers.records import ItemRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from services.training.steps.examples import InteractionLog


def with_contents(
    log: InteractionLog, items: Mapping[str, ItemRecord], encoder: str | None, threads: int
) -> InteractionLog:
    """Return the log with the contents and the texts of its items.

    encoder: None for the default, else a folder or a name on the hub.

    Raises:
        CliError: The text encoder cannot be had.
    """
    from services.core.content_space import ItemContent, numbers_in
    from services.core.text_encoder_files import TEXT
    from services.plumbing.text.item_text import item_text

    known = [items.get(str(item_id), ItemRecord(0, str(item_id))) for item_id in log.item_ids]
    written = [item_text(item.title, item.categories, item.text) for item in known]
    contents = [ItemContent({}, item.categories, numbers_in(item.attributes)) for item in known]
    if any(written):
        vectors = text_vectors(written, encoder, threads)
        contents = [
            replace(content, vectors={TEXT: vector}) if text else content
            for content, text, vector in zip(contents, written, vectors, strict=True)
        ]
    contents[0], written[0] = ItemContent(), ""
    return replace(log, contents=contents, texts=written)


def text_vectors(texts: Sequence[str], encoder: str | None, threads: int) -> NDArray[np.float32]:
    """Return vectors of unit length, float32 [T, C]; zeros of empty texts. Raises CliError without a text encoder."""
    from services.training.text_encoder.default_model import DEFAULT_MODEL
    from services.training.text_encoder.export import TextEncoderError
    from services.training.text_encoder.offline import encode_texts
    from services.training.text_encoder.provide import holds, provide_text_encoder

    name = encoder or DEFAULT_MODEL
    folder = data_directory() / "text_encoders" / Path(name).name
    try:
        if not holds(folder, name):
            note(f"exports the text encoder {name}, once")
        provide_text_encoder(name, folder)
        with progress("texts", total=1.0) as shown:
            return encode_texts(texts, folder, threads, lambda share: shown.update(share, "encoded"))
    except (TextEncoderError, OSError, ValueError) as error:
        raise CliError(f"no text encoder: {error}") from error
