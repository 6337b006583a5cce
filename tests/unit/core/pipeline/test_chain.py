"""The chain is checked when it is built."""

from __future__ import annotations

import pytest

from services.core.pipeline.chain import ChainError, FallbackSource, OptionalHydrator, ScorerWithFallback
from tests.unit.core.pipeline.stages import Fills, Learns, Proposes, Removes, Scores, Selects, make_chain


def test_a_chain_that_fits_lists_its_stages_in_order() -> None:
    chain = make_chain(
        query_hydrators=(OptionalHydrator(Learns("history"), "no_history"),),
        candidate_hydrators=(Fills("titles", provides=frozenset({"title"})),),
        filters=(Removes("seen", requires=frozenset({"title"})),),
        scorers=(ScorerWithFallback(Scores("ranker"), Scores("by_rank"), "no_ranker"),),
    )
    assert [stage.name for stage in chain.stages()] == [
        "history", "popular", "titles", "seen", "ranker", "by_rank", "top",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("roles", "missing"),
    [
        ({"filters": (Removes("seen", requires=frozenset({"slot"})),)}, "seen reads slot"),
        ({"candidate_hydrators": (Fills("titles", requires=frozenset({"slot"})),)}, "titles reads slot"),
        ({"selector": Selects("top", requires=frozenset({"weight"}))}, "top reads weight"),
        ({"scorers": (ScorerWithFallback(Scores("ranker", requires=frozenset({"x"}))),)}, "ranker reads x"),
    ],
)
def test_a_stage_that_reads_what_nobody_provides_is_named(roles: dict[str, object], missing: str) -> None:
    with pytest.raises(ChainError, match=missing):
        make_chain(**roles)


def test_a_column_counts_only_when_every_source_provides_it() -> None:
    slot = frozenset({"slot"})
    reads = (Removes("seen", requires=slot),)
    make_chain(sources=(Proposes("a", provides=slot), Proposes("b", provides=slot)), filters=reads)
    with pytest.raises(ChainError, match="seen reads slot"):
        make_chain(sources=(Proposes("a", provides=slot), Proposes("b")), filters=reads)
    with pytest.raises(ChainError, match="seen reads slot"):
        make_chain(
            sources=(Proposes("a", provides=slot),), fallback_source=FallbackSource(Proposes("b"), "r"), filters=reads
        )


def test_what_only_the_scorer_provides_and_not_its_fallback_is_not_there() -> None:
    both = frozenset({"score", "probability"})
    entry = ScorerWithFallback(Scores("ranker", provides=both), Scores("by_rank"), "no_ranker")
    with pytest.raises(ChainError, match="top reads probability"):
        make_chain(scorers=(entry,), selector=Selects("top", requires=frozenset({"probability"})))


def test_a_fallback_needs_a_reason_and_some_scorer_must_score() -> None:
    with pytest.raises(ChainError, match="by_rank needs a degraded_reason"):
        make_chain(scorers=(ScorerWithFallback(Scores("ranker"), Scores("by_rank")),))
    with pytest.raises(ChainError, match="no scorer provides"):
        make_chain(scorers=())


def test_names_are_unique_and_there_is_a_source() -> None:
    with pytest.raises(ChainError, match="two stages named popular"):
        make_chain(sources=(Proposes("popular"), Proposes("popular")))
    with pytest.raises(ChainError, match="no source"):
        make_chain(sources=())
