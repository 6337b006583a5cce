"""Remembers the titles of what was served, so that later reasons can name it."""

from __future__ import annotations

from services.core.pipeline.roles import Outcome
from services.core.query import Query
from services.ranking.titles import Titles


class TitleLearner:
    """The cheapest source of titles: what is in a slate today is in a history tomorrow."""

    name = "title_learner"

    def __init__(self, titles: Titles) -> None:
        self._titles = titles

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def after(self, outcome: Outcome) -> None:
        """Learn the titles of the slate."""
        selected = outcome.selected
        if len(selected):
            self._titles.learn(selected.item_ids.tolist(), selected.columns["titles"].tolist())
