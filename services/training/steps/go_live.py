"""Go live: records the bundle that a run wrote and, if the gate lets it, makes it serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.core.bundle import BundleManifest
from services.core.errors import DomainError, UnavailableError
from services.plumbing.clients.postgres import Pool, connection, open_pool
from services.plumbing.clients.triton import open_triton
from services.training.bundle_table import BundleTable
from services.training.run_lease import LeaseLostError, RunKey
from services.training.settings import TrainingSettings
from services.training.steps.activate import Activation
from services.training.steps.fit_progress import TrainingStoppedError
from services.training.steps.gate import reason_to_refuse
from services.training.steps.prune_bundles import prune_bundles
from services.training.triton_models import open_triton_models

logger = logging.getLogger(__name__)

_ATTEMPTS_SECONDS = 60.0
_RETRY_SECONDS = 2.0
Say = Callable[[str, str], None]
"""Takes a step and one line about it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a bundle, in one line, and whether the gate held it back."""

    message: str
    held_back: bool = False


class NotLiveError(Exception):
    """The bundle was written but could not go live; the text is one line that says what to do."""


async def go_live(
    settings: TrainingSettings,
    key: RunKey,
    manifest: BundleManifest,
    say: Say,
    should_stop: Callable[[], bool],
    *,
    skip_activation: bool,
) -> Outcome:
    """Record a sealed bundle, judge it and make it serve; return what became of it.

    Raises:
        LeaseLostError: Another worker has the run; nothing was changed.
        NotLiveError: The bundle is kept, but Triton does not serve it.
        TrainingStoppedError: should_stop said so while a part was away; the same call goes on later.
        UnavailableError: The database is away.
    """
    async with _open(settings) as (pool, activation):
        await _record(pool, settings.tenant, key, manifest)
        say("gate", "the bundle is written")
        reason = reason_to_refuse(manifest.metrics)
        kept = f"bundle {manifest.version} is kept but not activated"
        if skip_activation:
            return Outcome(f"{kept}, as asked")
        if reason:
            return Outcome(f"{kept}, because {reason}", held_back=True)
        say("activate", f"Triton loads bundle {manifest.version}")
        await _activate_patiently(activation, key, manifest.version, should_stop)
        say("prune", f"bundle {manifest.version} serves")
        try:
            await prune_bundles(pool, settings.tenant, settings.bundle_store, settings.keep_bundles)
        except (DomainError, OSError, ValueError) as error:
            logger.warning("old bundles stay until the next run: %s", error)
        return Outcome(f"bundle {manifest.version} serves")


@asynccontextmanager
async def _open(settings: TrainingSettings) -> AsyncIterator[tuple[Pool, Activation]]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database_url, max_size=2))
        admin_key = settings.triton_admin_key.get_secret_value()
        models = await stack.enter_async_context(
            open_triton_models(settings.triton_url, settings.triton_load_seconds, admin_key)
        )
        triton = await stack.enter_async_context(open_triton(settings.triton_url))
        yield pool, Activation(settings, pool, models, triton)


async def _record(pool: Pool, tenant: str, key: RunKey, manifest: BundleManifest) -> None:
    async with connection(pool) as borrowed:
        await _hold(borrowed, key, manifest.version)
        await BundleTable(tenant).add(borrowed, manifest, key.id)


async def _activate_patiently(
    activation: Activation, key: RunKey, version: str, should_stop: Callable[[], bool]
) -> None:
    """Activate, trying again for a while when a part is away."""

    async def still_ours(borrowed: AsyncConnection[TupleRow]) -> None:
        await _hold(borrowed, key, version)

    deadline = asyncio.get_running_loop().time() + _ATTEMPTS_SECONDS
    while True:
        try:
            await activation.activate(version, still_ours)
        except DomainError as error:
            if should_stop():
                raise TrainingStoppedError("the training run was asked to stop") from error
            if isinstance(error, UnavailableError) and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            raise NotLiveError(f"bundle {version} is kept but does not serve: {error}") from error
        return


async def _hold(borrowed: AsyncConnection[TupleRow], key: RunKey, version: str) -> None:
    """Note the run's bundle, and by it that the run is still ours: the row stays locked until the commit."""
    cursor = await borrowed.execute(
        "UPDATE training_runs SET bundle_version = %s "
        "WHERE tenant = %s AND id = %s AND fencing_token = %s AND state = 'RUNNING'",
        (version, key.tenant, key.id, key.token),
    )
    if cursor.rowcount != 1:
        raise LeaseLostError(f"run {key.id} is not this worker's any more")
