"""`python -m services.training.server`: serves TrainingService. Training itself happens in the worker."""

from __future__ import annotations

from services.plumbing.server import run_service
from services.training.composition import compose
from services.training.settings import TrainingServerSettings


def main() -> None:
    """Run the server until SIGTERM."""
    run_service("training-api", TrainingServerSettings, compose)


if __name__ == "__main__":
    main()
