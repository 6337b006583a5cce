"""placeholder"""

from __future__ import annotations

from pathlib import Path


def tell(data_dir: Path, port_base: int | None, *, keep: bool, max_epochs: int) -> None:
    """X."""
