"""The one error that commands raise on purpose: a line for a person and an exit code for a script."""

from __future__ import annotations

from services.cli.exit_codes import FAILED


class CliError(Exception):
    """A failure that was foreseen. The message is one line that says what happened and what to do."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code
