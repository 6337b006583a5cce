"""The ranking process: ``python -m services.ranking.server``."""

from __future__ import annotations

from services.plumbing.server import run_service
from services.ranking.composition import compose
from services.ranking.settings import RankingSettings


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    run_service("ranking", RankingSettings, compose)


if __name__ == "__main__":
    main()
