"""Scorer: every source's score of every candidate, also of those that others proposed: the ranker's features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.newcomers import Newcomers
from services.candidates.stages.audience_source import AudienceScores
from services.candidates.stages.bundle_source import Run
from services.candidates.stages.resolved_query import ROW, SLOT, ResolvedQuery, resolved
from services.candidates.stages.scenario_liking import ScenarioLiking
from services.candidates.stages.source_threads import run_here
from services.core.candidate_set import CandidateSet, Column
from services.core.cascade import AUDIENCE, INTENT, NEWCOMERS, SCENARIO_LIKING
from services.core.pipeline.chain import SCORE
from services.core.pipeline.roles import Observer
from services.core.query import Query
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History, Source

SOURCE_SCORES = "source_scores"


class SourceScorer:
    """Fills float32 [C, S] in the order of the sources. A source that failed, was late or knows nothing gives 0.

    Of newcomers, items that the bundle does not know, two things are known: what the sequence source would give the
    vector that their content maps to, which stands in that source's column, where the ranker reads it; and by how much
    the user likes it more than it takes to suit, in a column of its own behind the sources'. The last columns
    are how popular each candidate is with people like a user of whom nothing else is known; how well it answers the
    intent, 0 without one; and how much the user likes it in a scenario that the models hardly know.
    """

    name = "source_scorer"
    requires = frozenset({ROW, SLOT})
    provides = frozenset({SOURCE_SCORES, SCORE})

    def __init__(
        self,
        sources: Sequence[Source],
        observer: Observer,
        run: Run,
        scenario: ScenarioLiking,
        newcomers: Newcomers | None = None,
        audience: AudienceScores | None = None,
    ) -> None:
        """newcomers: given only where there is a sequence source."""
        self._sources = tuple(sources)
        self._observer = observer
        self._run = run
        self._newcomers, self._scenario, self._audience = newcomers, scenario, audience
        names = (source.name for source in sources)
        own = [*([NEWCOMERS] if newcomers is not None else []), *([AUDIENCE] if audience is not None else [])]
        # Those that propose first, in the order in which they are asked: a candidate's bits are read by these names.
        self.columns: tuple[str, ...] = (*names, *own, INTENT, SCENARIO_LIKING)
        self._place = {name: at for at, name in enumerate(self.columns)}

    @property
    def is_immediate(self) -> bool:
        """Whether it never waits: it computes in the event loop."""
        return self._run is run_here

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return the matrix, and as the score the order of the merge, from 1 down."""
        known = resolved(query)
        rows, slots = candidates.columns[ROW], candidates.columns[SLOT]
        matrix = await self._run(self._matrix, known, known.arrived_history(), rows, slots)
        count = len(candidates)
        return {SOURCE_SCORES: matrix, SCORE: np.arange(count, 0, -1, dtype=np.float32) / max(count, 1)}

    def _matrix(
        self, query: ResolvedQuery, history: History, rows: NDArray[np.int32], slots: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        matrix = np.zeros((len(rows), len(self.columns)), np.float32)
        for column, source in enumerate(self._sources):
            if source.name in query.failed_sources or not source.knows(history):
                continue
            try:
                made = query.scores.get(source.name)
                matrix[:, column] = source.score_rows(history, rows) if made is None else made[rows]
            except Exception as error:  # noqa: BLE001 - one failed source must not fail the answer; it is counted
                self._observer.failed(source.name, error)
        if not rows.all():
            unknown = rows == 0
            matrix[unknown] = 0
            if self._newcomers is not None and history.user_vector is not None:
                table = self._newcomers.table
                found, places = table.places(slots[unknown])
                at = np.flatnonzero(unknown)[found]
                logits = self._newcomers.logits(history.user_vector, history.rows, table.vectors[places])
                liking = self._newcomers.liking.of(history.user_vector, logits)
                matrix[at, self._place[SequenceSource.name]] = logits
                matrix[at, self._place[NEWCOMERS]] = liking - table.least[places]
        if (of_slot := self._scenario.of(query)) is not None:
            matrix[:, self._place[SCENARIO_LIKING]] = of_slot[slots]
        if self._audience is not None and (popular := self._audience.of(query)) is not None:
            matrix[:, self._place[AUDIENCE]] = popular[rows]
        if (answers := query.scores.get(INTENT)) is not None:
            matrix[:, self._place[INTENT]] = answers[slots]
        # One look at all of them; only if something is wrong, another to find out whose it is.
        if not np.isfinite(matrix).all():
            self._drop_infinite(matrix)
        return matrix

    def _drop_infinite(self, matrix: NDArray[np.float32]) -> None:
        """Let the sources whose scores are not all finite give 0, and tell."""
        for column in np.flatnonzero(~np.isfinite(matrix).all(axis=0)).tolist():
            matrix[:, column] = 0
            name = self.columns[column]
            self._observer.failed(name, FloatingPointError(f"source {name} gave scores that are not finite"))
