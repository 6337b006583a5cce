from __future__ import annotations

from dataclasses import replace

from services.core.sources.source import NOTHING
from services.training.steps.evaluate import RankedUser
from services.training.steps.select_sources import select_sources
from tests.unit.training.test_ablation import COUNT, planted

SOURCES = ("useful", "silent", "popularity", "sequence")


def with_silence_and_popularity(user: RankedUser) -> RankedUser:
    """The planted "useless" becomes popularity, and beside it a source that says nothing at all."""
    proposals = {
        "useful": user.proposals["useful"],
        "silent": NOTHING,
        "popularity": user.proposals["useless"],
        "sequence": user.proposals["sequence"],
    }
    columns = user.features[:, [0, 0, 1, 2]].copy()
    columns[:, 1] = 0.0
    return replace(user, proposals=proposals, features=columns)


def test_what_says_nothing_leaves_and_what_is_needed_stays() -> None:
    users, targets = planted()
    shares: list[float] = []
    users = [with_silence_and_popularity(user) for user in users]
    found = select_sources(users, targets, SOURCES, (), COUNT, 0, shares.append)
    # Popularity says nothing of use here either, but answers those of whom nothing is known.
    assert found.kept == ("useful", "popularity", "sequence")
    assert found.changes["silent"] == 0.0
    assert found.changes["useful"] < -0.2
    assert shares == [0.5, 1.0]
    assert select_sources(users, targets, SOURCES, (), COUNT, 0) == found


def test_an_optional_source_joins_only_where_it_brings_something() -> None:
    users, targets = planted()
    users = [with_silence_and_popularity(user) for user in users]
    found = select_sources(users, targets, SOURCES, ("useful", "silent"), COUNT, 0)
    assert found.kept == ("useful", "popularity", "sequence")
    assert found.changes["useful"] > 0.2
    assert found.changes["silent"] == 0.0
