"""`python -m services.feedback.server`: serves FeedbackService."""

from __future__ import annotations

from services.feedback.composition import compose
from services.feedback.settings import FeedbackSettings
from services.plumbing.server import run_service


def main() -> None:
    """Run the server until SIGTERM."""
    run_service("feedback", FeedbackSettings, compose)


if __name__ == "__main__":
    main()
