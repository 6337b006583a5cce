"""The candidates process: `python -m services.candidates.server`."""

from __future__ import annotations

from services.candidates.composition import compose
from services.candidates.settings import CandidatesSettings
from services.plumbing.server import run_service


def main() -> None:
    """Serve until SIGTERM."""
    run_service("candidates", CandidatesSettings, compose)


if __name__ == "__main__":
    main()
