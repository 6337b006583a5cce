"""The one error of the embedded stack: a line that says what happened and what to do."""

from __future__ import annotations


class StackError(Exception):
    """Something a person has to act on.

    `message` says what happened, `hint` what to do about it; `str()` is both in one line.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = " ".join(message.split())
        self.hint = " ".join(hint.split())
        super().__init__(f"{self.message}: {self.hint}" if self.hint else self.message)
