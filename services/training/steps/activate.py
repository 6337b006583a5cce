"""Activate: makes a bundle the one that serves, without a moment in which a request could fail.

Order: files verified → models published → loaded by Triton beside those that serve → probed → recorded in
PostgreSQL → the pointer replaced. Whatever fails before the record leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.core.bundle import BundleError, BundleManifest, bundle_path, list_versions, verify_bundle
from services.core.errors import NotFoundError, PreconditionError, UnavailableError
from services.core.text_encoder_files import TUNED_TEXT_ENCODER
from services.plumbing.bundle_pointer import read_pointer, write_pointer
from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.clients.triton import TritonClient
from services.training.activation_lock import activation_lock
from services.training.bundle_record import BundleRecord, BundleState
from services.training.bundle_table import BundleTable
from services.training.settings import TrainingSettings
from services.training.steps.probe import probe_models
from services.training.steps.publish import publish_models, published_versions, withdraw_models
from services.training.triton_models import TritonModels

logger = logging.getLogger(__name__)

Record = Callable[[AsyncConnection[TupleRow]], Awaitable[None]]
"""Work in the transaction that records an activation; it raises to undo it."""

_LOCK_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Activated:
    """What serves now, and the version that served before; empty when none did."""

    record: BundleRecord
    previous_version: str


class Activation:
    """Activates bundles of one tenant."""

    def __init__(self, settings: TrainingSettings, pool: Pool, models: TritonModels, triton: TritonClient) -> None:
        self._settings = settings
        self._store = settings.bundle_store
        self._repository = settings.model_repository
        self._pool = pool
        self._models = models
        self._triton = triton
        self._bundles = BundleTable(settings.tenant)

    async def activate(self, version: str, also: Record | None = None) -> Activated:
        """Make a bundle serve; one that serves already is loaded and probed again.

        Args:
            version: The bundle's version.
            also: Runs in the transaction that records the activation.

        Raises:
            NotFoundError: No such bundle was ever made.
            PreconditionError: Its files are gone or altered, or Triton does not take its models.
            UnavailableError: Triton or the database is away, or another activation goes on.
        """
        try:
            path = bundle_path(self._store, version)
        except BundleError as error:
            raise NotFoundError("there is no such bundle; ListBundles names them") from error
        async with connection(self._pool) as borrowed:
            known = await self._bundles.get(borrowed, version)
        manifest = await self._verified(path, version, known)
        async with activation_lock(self._pool, self._settings.tenant, _LOCK_WAIT_SECONDS) as locked:
            await self._load(path, manifest, locked)
            async with locked.transaction():
                before = await self._bundles.active(locked)
                await self._bundles.add(locked, manifest, None)
                await self._bundles.mark_active(locked, version)
                if also is not None:
                    await also(locked)
                record = await self._bundles.get(locked, version)
            await asyncio.to_thread(self._point_at, version)
        if record is None:
            raise UnavailableError(f"bundle {version} vanished from the database while it went live; try again")
        logger.info("bundle %s serves", version)
        previous = before.version if before is not None and before.version != version else ""
        return Activated(record, previous)

    async def restore(self) -> bool:
        """Make the pointer and Triton agree with the record, as after a crash between two steps or a new Triton.

        Return whether anything had to be done. Raises what activate raises.
        """
        async with connection(self._pool) as borrowed:
            active = await self._bundles.active(borrowed)
        if active is None or not await self._models.is_live():
            return False
        pointer = await asyncio.to_thread(self._pointed_at)
        path = bundle_path(self._store, active.version)
        names = sorted(entry.name for entry in (path / "models").glob("*"))
        ready = [await self._models.is_ready(name, active.version) for name in names]
        if pointer == active.version and names and all(ready):
            return False
        logger.warning("bundle %s should serve and does not everywhere: it is activated again", active.version)
        await self.activate(active.version)
        return True

    async def _verified(self, path: Path, version: str, known: BundleRecord | None) -> BundleManifest:
        if not await asyncio.to_thread(path.is_dir):
            if known is None:
                raise NotFoundError(f"there is no bundle {version}; ListBundles names them")
            gone = "were removed to make room" if known.state is BundleState.DELETED else "are not in the bundle store"
            raise PreconditionError(f"the files of bundle {version} {gone}; activate another or train again")
        try:
            return await asyncio.to_thread(verify_bundle, path)
        except BundleError as error:
            raise PreconditionError(f"{error}; it cannot serve") from error

    async def _load(self, path: Path, manifest: BundleManifest, locked: AsyncConnection[TupleRow]) -> None:
        """Publish, load and probe; on failure the version is taken out again, so that later loads do not trip on it."""
        try:
            added = await asyncio.to_thread(
                publish_models, path, manifest, self._repository, self._settings.model_configs
            )
        except OSError as error:
            raise UnavailableError(f"the model repository cannot be written: {error.strerror or error}") from error
        try:
            await self._withdraw_old(manifest, locked)
            # Side by side: most of a load is the start of a process.
            loads = [asyncio.create_task(self._models.load(name)) for name in manifest.models]
            await asyncio.wait(loads)
            for load in loads:
                load.result()
            try:
                await probe_models(self._triton, manifest)
            except (UnavailableError, TimeoutError) as error:
                raise PreconditionError(
                    f"bundle {manifest.version} does not answer in Triton: {error or 'no answer in time'}"
                ) from error
        except Exception:
            await asyncio.to_thread(withdraw_models, added, manifest.version, self._repository)
            raise

    async def _withdraw_old(self, manifest: BundleManifest, locked: AsyncConnection[TupleRow]) -> None:
        """Leave to Triton what somebody may still ask it for: the new version, the active one and the one before."""
        pointer = await asyncio.to_thread(self._pointer)
        kept = {manifest.version, *(pointer or ())}
        # Whether a bundle has a text encoder of its own is a setting: versions before may have had one.
        models = {*manifest.models, TUNED_TEXT_ENCODER}
        old = await asyncio.to_thread(published_versions, models, self._repository) - kept
        # Another installation may share this Triton: what is not ours stays.
        ours = await self._bundles.known(locked, old) | set(await asyncio.to_thread(list_versions, self._store))
        await locked.commit()
        for version in sorted(old & ours):
            await asyncio.to_thread(withdraw_models, models, version, self._repository)

    def _pointed_at(self) -> str:
        pointer = self._pointer()
        return "" if pointer is None else pointer[0]

    def _pointer(self) -> tuple[str, str | None] | None:
        try:
            pointer = read_pointer(self._store)
        except ValueError:
            return None
        return None if pointer is None else (pointer.version, pointer.previous)

    def _point_at(self, version: str) -> None:
        try:
            write_pointer(self._store, version)
        except OSError as error:
            raise UnavailableError(
                f"bundle {version} is recorded as active, but the bundle store cannot be written: {error.strerror}"
            ) from error
