"""The installation: Python's version and the packages of every part that runs here."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import time

from services.cli.checks.finding import Finding

_OLDEST_PYTHON = (3, 11)
_EXTRA = "embedded"
# No sooner than this was the program written: an earlier clock is a wrong one.
_EARLIEST_TIME_SECONDS = 1_735_689_600
_NAME = re.compile(r"([A-Za-z0-9_.-]+)(?:\[([^]]*)\])?")
_WANTED_BY = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def check_installation() -> list[Finding]:
    """Return findings about Python, packages and the clock."""
    version = ".".join(map(str, sys.version_info[:3]))
    return [
        Finding("python", sys.version_info >= _OLDEST_PYTHON, version, "use Python 3.11 or later"),
        _packages(),
        Finding(
            "clock",
            time.time() > _EARLIEST_TIME_SECONDS,
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            "set the machine's clock: events and bundles carry its time",
        ),
    ]


def _packages() -> Finding:
    wanted = _requirements(_EXTRA, set())
    missing = sorted(name for name in wanted if not _is_installed(name))
    if missing:
        return Finding("packages", False, f"missing: {', '.join(missing)}", 'pip install "trommel[embedded]"')
    return Finding("packages", True, f"{len(wanted)} direct requirements are installed")


def _requirements(extra: str, seen: set[str]) -> set[str]:
    """Return the packages that an extra names, its own extras included."""
    seen.add(extra)
    found = set()
    for requirement in importlib.metadata.requires("trommel") or ():
        wanted_by = _WANTED_BY.search(requirement)
        parts = _NAME.match(requirement)
        if parts is None or (wanted_by is not None and wanted_by[1] != extra):
            continue
        if parts[1].lower() == "trommel":
            for inner in (parts[2] or "").split(","):
                if inner.strip() and inner.strip() not in seen:
                    found |= _requirements(inner.strip(), seen)
        else:
            found.add(parts[1])
    return found


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
