"""Keeps Triton serving the text encoder that lies in the bundle store, also after it was replaced or restarted."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from services.core.text_encoder_files import DESCRIPTION, FOLDER, TEXT_ENCODER, VERSION, TextEncoderDescription
from services.training.steps.publish import publish_folder
from services.training.triton_models import TritonModels


class TextEncoderModels:
    """Publishes the encoder into the model repository and has it loaded where it is not ready."""

    def __init__(self, store: Path, repository: Path, configs: Path, models: TritonModels) -> None:
        self._folder = store / FOLDER
        self._repository = repository
        self._configs = configs
        self._models = models

    async def restore(self) -> bool:
        """Bring Triton up to what lies in the store; return whether anything had to be done.

        Raises:
            PreconditionError: Triton does not take it.
            UnavailableError: Triton is away.
            OSError, ValueError: The store or the repository cannot be read or written.
        """
        changed = await asyncio.to_thread(self._publish)
        if changed is None or not await self._models.is_live():
            return False
        if not changed and await self._models.is_ready(TEXT_ENCODER, VERSION):
            return False
        await self._models.load(TEXT_ENCODER)
        return True

    def _publish(self) -> bool | None:
        """Return whether the repository was changed; None where there is no encoder yet."""
        target = self._repository / TEXT_ENCODER / VERSION
        if not (self._folder / DESCRIPTION).is_file():
            return None
        wanted = TextEncoderDescription.load(self._folder)
        if target.is_dir() and _described(target) == wanted:
            return False
        shutil.rmtree(target, ignore_errors=True)
        publish_folder(self._folder, TEXT_ENCODER, VERSION, self._repository, self._configs)
        return True


def _described(folder: Path) -> TextEncoderDescription | None:
    try:
        return TextEncoderDescription.load(folder)
    except (OSError, ValueError):
        return None
