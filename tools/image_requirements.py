"""Print what one extra of pyproject.toml asks for, one requirement a line, with the extras it names unfolded.

    python tools/image_requirements.py ranking

An image installs these packages under the lock, and the code beside them: nothing of Trommel itself is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_OWN = re.compile(r"trommel\[([a-z, -]+)\]$")


def requirements(extra: str, project: Path = PROJECT) -> list[str]:
    """Return the requirements of the project and of an extra, sorted.

    Raises:
        KeyError: There is no such extra.
    """
    with project.open("rb") as file:
        table = tomllib.load(file)["project"]
    extras, found, waiting = table["optional-dependencies"], set(table["dependencies"]), [extra]
    while waiting:
        for line in extras[waiting.pop()]:
            if own := _OWN.match(line):
                waiting += [name.strip() for name in own[1].split(",")]
            else:
                found.add(line)
    return sorted(found)


def main() -> None:
    """Print the requirements of the extra that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/image_requirements.py EXTRA")
    try:
        lines = requirements(sys.argv[1])
    except KeyError:
        sys.exit(f"image_requirements: pyproject.toml has no extra {sys.argv[1]}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
