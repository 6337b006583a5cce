"""Which protocol `trommel evaluate` follows, and which of its options mean something with it.

Light: the command line imports it before anybody has asked for an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_TRANSFER = "transfer"


class Protocol(StrEnum):
    """How a data set is split and measured."""

    leave_one_out = "leave-one-out"
    cold_items = "cold-items"
    new_users = "new-users"
    ratings = "ratings"
    transfer = "transfer"


@dataclass(frozen=True, slots=True)
class TextTuning:
    """epochs: of the text encoder's fine-tuning, 0 for none. tasks: learnt besides, "category", "rating"."""

    epochs: int = 0
    tasks: tuple[str, ...] = ()

    def options(self) -> dict[str, object | None]:
        """As the command is given them."""
        return {"tune-text": self.epochs or None, "text-tasks": ",".join(self.tasks) or None}


def refuse(protocol: Protocol, given: list[str]) -> None:
    """Raise CliError where an option was given that says nothing with the protocol."""
    from services.cli.cli_error import CliError
    from services.cli.exit_codes import USAGE

    refused = [name for name in given if name in {"--served", "--report"} or protocol is Protocol.ratings]
    if not refused:
        return
    if protocol is Protocol.ratings:
        raise CliError(f"{', '.join(refused)}: there are no lists and no bundle with --protocol ratings", USAGE)
    raise CliError(f"{' and '.join(refused)}: only with --protocol leave-one-out", USAGE)


def tuning_of(protocol: Protocol | None, epochs: int, tasks: str) -> TextTuning:
    """Raise CliError where it was asked for and means nothing."""
    from services.cli.cli_error import CliError
    from services.cli.exit_codes import USAGE

    names = tuple(name for part in tasks.split(",") if (name := part.strip()))
    unknown = [name for name in names if name not in {"category", "rating"}]
    if unknown:
        raise CliError(f"--text-tasks: there is no {unknown[0]!r}; there are category and rating", USAGE)
    if names and not epochs:
        raise CliError("--text-tasks: only with --tune-text", USAGE)
    if epochs and protocol is not Protocol.cold_items:
        raise CliError("--tune-text: only with --protocol cold-items", USAGE)
    return TextTuning(epochs, names)


def transfer_of(
    protocol: Protocol | None, dataset: str | None, source: str | None, target: str | None
) -> tuple[Protocol | None, str | None]:
    """Return protocol and data set; the data set of transfer is the target. Raises CliError."""
    from services.cli.cli_error import CliError
    from services.cli.exit_codes import USAGE

    if dataset == _TRANSFER:
        protocol, dataset = protocol or Protocol.transfer, target
    elif protocol is not Protocol.transfer and (source is not None or target is not None):
        raise CliError("--source and --target: only with `trommel evaluate transfer`", USAGE)
    if protocol is Protocol.transfer and (source is None or dataset is None):
        raise CliError("give it as `trommel evaluate transfer --source A --target B`", USAGE)
    return protocol, dataset
