"""A split with a leak planted in it, which whoever learns from a split must notice."""

from __future__ import annotations

from dataclasses import replace

from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last


def leaky_hold_out_last(log: InteractionLog, *, user: int = 7) -> HeldOut:
    """One user's held-out item in the place of another interaction of theirs: the counts alone would not tell.

    user: a number among those held out.
    """
    split = hold_out_last(log)
    rows = split.log.rows.copy()
    rows[split.log.starts[split.users[user] + 1] - 1] = split.targets[user]
    return HeldOut(replace(split.log, rows=rows), split.users, split.targets)
