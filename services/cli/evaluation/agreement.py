"""Agreement: in how many positions two sets of lists hold the same item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Lists = Mapping[str, Sequence[str]]
"""Items by user, best first."""


def agreement(some: Lists, others: Lists, count: int) -> float:
    """Return the share of the first ``count`` positions where both hold the same item, over all users together.

    A position that only one of two lists has counts as one where they differ; a position that neither has does not
    count. A user without a list has an empty one. 1 where there is no position at all.
    """
    same = positions = 0
    for user in {**some, **others}:
        one, other = some.get(user, ())[:count], others.get(user, ())[:count]
        positions += max(len(one), len(other))
        same += sum(mine == theirs for mine, theirs in zip(one, other, strict=False))
    return same / positions if positions else 1.0


def users_that_differ(some: Lists, others: Lists) -> list[str]:
    """Return the users whose lists are not the same, item by item, in the order in which they are known."""
    return [user for user in {**some, **others} if list(some.get(user, ())) != list(others.get(user, ()))]
