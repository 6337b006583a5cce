"""Bundles go live, are refused and come back, on a real Triton and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import RANKER, USER_ENCODER, bundle_path, model_file, read_manifest
from services.core.errors import NotFoundError, PreconditionError, UnavailableError
from services.plumbing.bundle_pointer import read_pointer, write_pointer
from services.plumbing.clients.triton import TritonClient
from services.training.bundle_table import BundleTable
from services.training.steps.prune_bundles import prune_bundles
from tests.bundle_maker import make_bundle
from tests.integration.training_service.conftest import open_parts

HISTORY = {
    "history_items": np.arange(1, 17, dtype=np.int64)[None, :],
    "history_events": np.zeros((1, 16, 4), np.float32),
}


@dataclass(frozen=True)
class Traffic:
    """Calls that were answered, and the errors of those that were not."""

    answered: int
    errors: list[str]


async def traffic(triton: TritonClient, version: str, stopped: asyncio.Event) -> Traffic:
    """Call one version's user encoder until stopped."""
    answered, errors = 0, []
    while not stopped.is_set():
        try:
            await triton.infer(USER_ENCODER, version, HISTORY, "user_vectors", 5.0)
            answered += 1
        except (UnavailableError, TimeoutError) as error:
            errors.append(str(error))
    return Traffic(answered, errors)


async def answers(triton: TritonClient, version: str) -> bool:
    try:
        await triton.infer(USER_ENCODER, version, HISTORY, "user_vectors", 5.0)
    except UnavailableError:
        return False
    return True


def states(database, tenant):
    rows = database.execute("SELECT version, state FROM bundles WHERE tenant = %s", (tenant,)).fetchall()
    return {row[0]: row[1] for row in rows}


def pointed_at(store: Path) -> tuple[str, str | None] | None:
    pointer = read_pointer(store)
    return None if pointer is None else (pointer.version, pointer.previous)


async def test_new_versions_go_live_under_traffic_and_old_ones_come_back(settings, parts, database, tenant):
    store = settings.bundle_store
    versions = [f"2024020100000{number}" for number in range(4)]
    for version in versions:
        make_bundle(store, version)
    await parts.activation.activate(versions[0])

    stopped = asyncio.Event()
    calls = [asyncio.create_task(traffic(parts.triton, versions[0], stopped)) for _ in range(2)]
    activated = await parts.activation.activate(versions[1])
    stopped.set()
    for result in await asyncio.gather(*calls):
        assert result.errors == []
        assert result.answered > 20
    assert (activated.previous_version, activated.record.state) == (versions[0], "ACTIVE")
    assert await answers(parts.triton, versions[1])

    await parts.activation.activate(versions[2])
    await parts.activation.activate(versions[3])
    assert pointed_at(store) == (versions[3], versions[2])
    # The first one nobody can ask for any more: it is out of the repository, and Triton has dropped it.
    assert not (settings.model_repository / RANKER / versions[0]).exists()
    assert not await answers(parts.triton, versions[0])
    assert await answers(parts.triton, versions[2])

    rolled_back = await parts.activation.activate(versions[0])
    assert rolled_back.previous_version == versions[3]
    assert await answers(parts.triton, versions[0])
    assert await answers(parts.triton, versions[3])
    assert states(database, tenant) == dict(zip(versions, ["ACTIVE", "READY", "READY", "READY"], strict=True))


async def test_a_bundle_that_is_altered_or_does_not_run_is_refused_and_the_old_one_stays(
    settings, parts, database, tenant
):
    store = settings.bundle_store
    good, altered, broken = "20240202000000", "20240202000001", "20240202000002"
    for version in (good, altered, broken):
        make_bundle(store, version)
    await parts.activation.activate(good)

    with (bundle_path(store, altered) / model_file(RANKER)).open("r+b") as file:
        file.seek(100)
        file.write(b"?")
    with pytest.raises(PreconditionError, match=r"models/ranker/model\.onnx was altered after it was sealed"):
        await parts.activation.activate(altered)

    reseal_with(bundle_path(store, broken), model_file(RANKER), b"this is no ONNX file")
    with pytest.raises(PreconditionError, match="Triton does not load model ranker"):
        await parts.activation.activate(broken)

    assert await answers(parts.triton, good)
    assert pointed_at(store) == (good, None)
    assert states(database, tenant) == {good: "ACTIVE"}
    # What was refused does not stand in the way of the next one.
    assert not (settings.model_repository / RANKER / broken).exists()
    make_bundle(store, "20240202000003")
    await parts.activation.activate("20240202000003")
    assert pointed_at(store) == ("20240202000003", good)


def reseal_with(path: Path, name: str, content: bytes) -> None:
    """Replace a file of a bundle and make the manifest agree, as a training gone wrong would."""
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    (path / "manifest.json").write_text(json.dumps(manifest))


async def test_pointer_and_triton_are_brought_back_to_the_record(settings, parts):
    store, version = settings.bundle_store, "20240203000000"
    make_bundle(store, version)
    await parts.activation.activate(version)
    assert not await parts.activation.restore()

    write_pointer(store, "20240203000009")  # as if the process had died between record and pointer
    for name in (RANKER, USER_ENCODER):  # as if Triton had been replaced
        await parts.models._client.unload_model(name)
    for _ in range(100):
        if not await parts.models.is_ready(RANKER, version):
            break
        await asyncio.sleep(0.1)
    assert await parts.activation.restore()
    assert pointed_at(store) == (version, "20240203000009")
    assert await answers(parts.triton, version)
    assert not await parts.activation.restore()


async def test_pruning_spares_what_serves_and_what_served_before(settings, parts, database, tenant):
    store = settings.bundle_store
    versions = [f"2024020400000{number}" for number in range(5)]
    table = BundleTable(tenant)
    async with parts.pool.connection() as connection:
        for version in versions:
            await table.add(connection, make_bundle(store, version), None)
        await table.mark_active(connection, versions[0])
    write_pointer(store, versions[1])
    write_pointer(store, versions[0])
    assert await prune_bundles(parts.pool, tenant, store, 2) == [versions[2]]
    assert not bundle_path(store, versions[2]).exists()
    assert read_manifest(bundle_path(store, versions[1])).version == versions[1]
    wanted = ["ACTIVE", "READY", "DELETED", "READY", "READY"]
    assert states(database, tenant) == dict(zip(versions, wanted, strict=True))
    with pytest.raises(PreconditionError, match=f"files of bundle {versions[2]} were removed to make room"):
        await parts.activation.activate(versions[2])


async def test_bundles_that_never_were(parts):
    with pytest.raises(NotFoundError, match="there is no bundle 20230101000000; ListBundles names them"):
        await parts.activation.activate("20230101000000")
    with pytest.raises(NotFoundError, match="there is no such bundle"):
        await parts.activation.activate("00000000000000")


async def test_triton_away_changes_nothing(settings, database, tenant):
    make_bundle(settings.bundle_store, "20240205000000")
    async with open_parts(settings.model_copy(update={"triton_url": "127.0.0.1:1"})) as parts:
        with pytest.raises(UnavailableError, match=r"Triton at 127\.0\.0\.1:1 does not answer"):
            await parts.activation.activate("20240205000000")
        assert not await parts.activation.restore()
    assert pointed_at(settings.bundle_store) is None
    assert states(database, tenant) == {}
    assert not (settings.model_repository / RANKER / "20240205000000").exists()
