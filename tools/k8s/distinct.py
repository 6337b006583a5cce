"""Each object once, however many combinations hold it alike: a file for each, so that no tool merges two of a name."""

from __future__ import annotations

import re
from pathlib import Path

from tools.k8s.render import objects

_BORDER = re.compile(r"^---$", re.MULTILINE)


def write_distinct(rendered: dict[str, str], folder: Path) -> list[Path]:
    """Write every distinct object of all renderings into a file of its own; return the files."""
    parts = dict.fromkeys(part.strip() for text in rendered.values() for part in _BORDER.split(text))
    files = []
    for number, part in enumerate(filter(None, parts)):
        item = objects(part)[0]
        files.append(folder / f"{number:03}-{item['kind'].lower()}-{item['metadata']['name']}.yaml")
        files[-1].write_text(f"{part}\n")
    return files
