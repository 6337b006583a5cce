"""The text encoder: exported, loaded in Triton, and answering as its description says."""

from __future__ import annotations

from pathlib import Path

from services.cli.checks.finding import Finding
from services.core.errors import DomainError
from services.core.text_encoder_files import FOLDER
from services.plumbing.clients.triton import open_triton
from services.plumbing.text.text_encoder import TextEncoderFolder

_NAME = "text encoder"
_PROBE_SECONDS = 5.0


async def check_text_encoder(store: Path, triton_url: str) -> Finding:
    """Return the finding: an inference of one word."""
    async with open_triton(triton_url) as triton:
        try:
            encoder = TextEncoderFolder(store / FOLDER, triton).current()
            if encoder is None:
                return Finding(_NAME, True, "none yet (the worker exports it, unless TROMMEL_TEXT_ENCODER is none)")
            await encoder.encode(["word."], _PROBE_SECONDS)
        except (OSError, ValueError) as error:
            hint = f"remove {FOLDER} from the bundle store and restart the worker"
            return Finding(_NAME, False, str(error), hint)
        except (DomainError, TimeoutError) as error:
            return Finding(_NAME, False, str(error) or "no answer in time", "see logs/training.log and logs/triton.log")
    made = encoder.description
    return Finding(_NAME, True, f"{made.name}, {made.precision}, answers with {made.width} numbers")
