"""The guard of every split: what is held out, test or validation, is not among what is learnt from."""

from __future__ import annotations

import numpy as np

from services.training.steps.examples import HeldOut, Int32, Int64, InteractionLog


class LeakError(Exception):
    """A held-out interaction is among those to learn from. The message is one line for a person."""


def check_no_leak(log: InteractionLog, split: HeldOut, held_out: str = "test") -> None:
    """Raise LeakError unless each held-out interaction, and it alone, is missing from what is learnt from.

    log: before the split. held_out: what the interactions are held out for, for the message.
    """
    users = split.users.astype(np.int64)
    fewer = np.diff(log.starts)[users] - np.diff(split.log.starts)[users]
    once_less = _times_taken(log, users, split.targets) - _times_taken(split.log, users, split.targets)
    leaked = np.flatnonzero((fewer != 1) | (once_less != 1))
    if len(leaked):
        item = log.item_ids[split.targets[leaked[0]]]
        raise LeakError(f"the {held_out} item {item} of a user is among the interactions to learn from")


def _times_taken(log: InteractionLog, users: Int64, rows: Int32) -> Int64:
    """int64 [V]: how often each user of ``users`` took the item row beside it."""
    width = log.item_count + 1
    taken = np.sort(log.users().astype(np.int64) * width + log.rows)
    asked = users * width + rows
    times: Int64 = np.searchsorted(taken, asked, side="right") - np.searchsorted(taken, asked, side="left")
    return times
