"""A second training, from the first one's weights, that goes live while users go on asking."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.cli.cli_error import CliError
from services.cli.console import output
from services.cli.demo.traffic import traffic
from services.cli.demo.training import train

_CALLS_PER_SECOND = 20.0
_MAX_EPOCHS = 2
# The new bundle is seen within a second of its activation; then it serves for a while under the same eyes.
_LONGEST_SWITCH_SECONDS = 30.0
_AFTERWARDS_SECONDS = 5.0


async def train_under_traffic(users: Sequence[str]) -> None:
    """Train and go live under traffic; print what callers noticed.

    Raises:
        CliError: A call failed, or the new bundle never answered.
    """
    async with traffic(users, _CALLS_PER_SECOND) as seen:
        run = await train(warm_start=True, max_epochs=_MAX_EPOCHS)
        waited = 0.0
        while run.bundle_version not in seen.versions and waited < _LONGEST_SWITCH_SECONDS:
            await asyncio.sleep(0.1)
            waited += 0.1
        await asyncio.sleep(_AFTERWARDS_SECONDS)
    failed = sum(seen.failures.values())
    answers = ", ".join(f"{count:,} by bundle {version or 'none'}" for version, count in seen.versions.items())
    output().print(f"{seen.calls:,} calls of Recommend meanwhile: {answers}", soft_wrap=True)
    output().print(f"[bold]{failed} failed calls[/bold], {sum(seen.degraded.values())} degraded answers")
    if failed:
        raise CliError(f"calls failed while the bundle changed: {dict(seen.failures)}")
    if run.bundle_version not in seen.versions:
        raise CliError(f"bundle {run.bundle_version} was activated but never answered (trommel doctor)")
