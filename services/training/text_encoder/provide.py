"""Provides an exported text encoder: `python -m services.training.text_encoder.provide --to DIRECTORY`.

Light where the work was done before: torch is imported only to export.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from services.core.text_encoder_files import TextEncoderDescription
from services.training.steps.publish import link_or_copy
from services.training.text_encoder.default_model import DEFAULT_MODEL

PRECISIONS = ("fp32", "int8")


def holds(folder: Path, name: str, precision: str = "fp32") -> bool:
    """Whether the folder holds that encoder, exported."""
    try:
        found = TextEncoderDescription.load(folder)
        return (found.name, found.precision) == (name, precision)
    except (OSError, ValueError):
        return False


def provide_text_encoder(
    name: str, target: Path, cache: Path | None = None, precision: str = "fp32", *, again: bool = False
) -> TextEncoderDescription:
    """Export into ``target``, or into ``cache``, unless it is there already, and link or copy it from there.

    name: DEFAULT_MODEL, a local folder, or a name on the hub, which needs a network. precision: "fp32" or "int8".

    Raises:
        TextEncoderError: It cannot be had or exported.
        OSError: A folder cannot be written.
    """
    kept = target if cache is None else cache / hashlib.sha256(f"{name} {precision}".encode()).hexdigest()[:16]
    if again or not holds(kept, name, precision):
        from services.training.text_encoder.export import export_text_encoder

        export_text_encoder(name, kept, precision)
    if kept != target:
        _put(kept, target)
    return TextEncoderDescription.load(target)


def _put(kept: Path, target: Path) -> None:
    """Let the target appear whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".text-encoder-") as scratch:
        draft = Path(scratch, "draft")
        draft.mkdir()
        for file in sorted(kept.iterdir()):
            link_or_copy(file, draft / file.name)
        if target.exists():
            target.rename(Path(scratch, "before"))
        draft.rename(target)


def main(arguments: list[str] | None = None) -> None:
    """Provide, and say where."""
    parser = argparse.ArgumentParser(description="Export a text encoder for Triton, unless that was done already.")
    names = f"{DEFAULT_MODEL} (the default, needs no network), a local folder, or a name on the hub"
    parser.add_argument("--model", default=DEFAULT_MODEL, help=names)
    parser.add_argument("--to", type=Path, required=True, help="directory to make, such as models/text_encoder/1")
    parser.add_argument("--cache", type=Path, help="directory that keeps what was exported, for the next time")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0], help="of the weights")
    parser.add_argument("--again", action="store_true", help="also where the directory holds that encoder already")
    options = parser.parse_args(arguments)
    if not options.again and holds(options.to, options.model, options.precision):
        sys.stdout.write(f"{options.to} holds {options.model} already; --again replaces it\n")
        return
    try:
        made = provide_text_encoder(options.model, options.to, options.cache, options.precision, again=options.again)
    except Exception as error:  # the export's own error cannot be named here without importing torch
        if isinstance(error, OSError) or type(error).__name__ == "TextEncoderError":
            sys.exit(str(error))
        raise
    says = f"{made.width} numbers a text of at most {made.max_tokens} tokens"
    loss = f", cosine to the original at least {made.least_cosine:.4f}" if made.precision != PRECISIONS[0] else ""
    sys.stdout.write(f"{made.name}, {made.precision}: {says}{loss}, {options.to}\n")


if __name__ == "__main__":
    main()
