"""Texts of the catalog become vectors: queued with the item, encoded by Triton, stored, and taken in by the replica."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import tritonclient.grpc
from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.catalog.text_jobs import TextJobs
from services.candidates.settings import CandidatesSettings
from services.core.text_encoder_files import DESCRIPTION, FOLDER
from services.plumbing.clients.postgres import open_pool
from services.training.text_encoder.default_model import DEFAULT_MODEL
from services.training.text_encoder.offline import encode_texts
from services.training.text_encoder.provide import provide_text_encoder
from tests.integration.candidates.conftest import Serve, Stack
from tests.integration.candidates.test_catalog import upsert

Database = psycopg.Connection[tuple[Any, ...]]
CACHE = Path(sys.prefix) / "text-encoders"


@pytest.fixture(scope="module")
def encoder(stack: Stack) -> Path:
    folder = stack.bundle_store / FOLDER
    provide_text_encoder(DEFAULT_MODEL, folder, CACHE)
    shutil.copytree(folder, stack.settings.models / "text_encoder" / "1")
    with tritonclient.grpc.InferenceServerClient(stack.triton_url) as triton:
        triton.load_model("text_encoder")
    return folder


@pytest.fixture
def with_encoder(settings: CandidatesSettings, encoder: Path) -> CandidatesSettings:
    shutil.copytree(encoder, settings.bundle_store / FOLDER)
    return settings


async def jobs_end(database: Database, tenant: str, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while waiting(database, tenant):  # noqa: ASYNC110 - another task, or process, works
            await asyncio.sleep(0.05)


def waiting(database: Database, tenant: str) -> int:
    row = database.execute("SELECT count(*) FROM text_jobs WHERE tenant = %s", (tenant,)).fetchone()
    assert row is not None
    return int(row[0])


def vectors_of(database: Database, tenant: str) -> dict[str, np.ndarray[Any, Any]]:
    found = database.execute(
        "SELECT item_id, values FROM item_vectors WHERE tenant = %s AND name = 'text' ORDER BY item_id", (tenant,)
    ).fetchall()
    return {item_id: np.array(values, np.float32) for item_id, values in found}


async def test_a_text_is_encoded_as_offline_and_anew_when_it_changes(
    serve: Serve, with_encoder: CandidatesSettings, database: Database, encoder: Path
) -> None:
    tenant = with_encoder.tenant
    async with serve(with_encoder) as client:
        await upsert(
            client,
            pb.Item(id="1", title="The Heist", text="A thief plans a robbery.", categories=["Crime"]),
            pb.Item(id="2", title="Русский ковчег", text="千と千尋\x07 \x1b[31m 🎬"),
            pb.Item(id="3", categories=["Crime"]),
            pb.Item(id="4", title="\x01\x02"),
            pb.Item(id="5", text="word " * 13_000),
        )
        await jobs_end(database, tenant)
        made = vectors_of(database, tenant)
        assert sorted(made) == ["1", "2", "5"]
        wanted = encode_texts(["The Heist. Crime. A thief plans a robbery."], encoder, threads=1)[0]
        np.testing.assert_allclose(made["1"], wanted, atol=1e-5)
        for vector in made.values():
            assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)
        found = await client.catalog.GetItems(pb.GetItemsRequest(item_ids=["1"]))
        assert not found.items[0].vectors, "what was made of the text is not the caller's"

        # The same text again keeps its vector and is not queued; another one is encoded anew.
        await upsert(client, pb.Item(id="1", title="The Heist", text="A thief plans a robbery.", categories=["Crime"]))
        assert waiting(database, tenant) == 0
        np.testing.assert_array_equal(vectors_of(database, tenant)["1"], made["1"])
        await upsert(client, pb.Item(id="1", title="The Picnic"))
        await jobs_end(database, tenant)
        assert vectors_of(database, tenant)["1"] @ made["1"] < 0.9

        await client.catalog.DeleteItems(pb.DeleteItemsRequest(item_ids=["1", "2"]))
        assert sorted(vectors_of(database, tenant)) == ["5"]


async def test_the_callers_own_vector_counts(
    serve: Serve, with_encoder: CandidatesSettings, database: Database
) -> None:
    item = pb.Item(id="1", title="A title")
    item.vectors["text"].values.extend([1.0, 2.0])
    async with serve(with_encoder) as client:
        await upsert(client, item)
        assert waiting(database, with_encoder.tenant) == 0
        assert vectors_of(database, with_encoder.tenant)["1"].tolist() == [1.0, 2.0]
        # Without it, the text speaks again.
        await upsert(client, pb.Item(id="1", title="A title"))
        await jobs_end(database, with_encoder.tenant)
        assert len(vectors_of(database, with_encoder.tenant)["1"]) == 384


async def test_nothing_is_lost_while_there_is_no_encoder_or_triton_is_killed(
    serve: Serve, settings: CandidatesSettings, database: Database, encoder: Path, stack: Stack
) -> None:
    items = [pb.Item(id=str(number), title=f"Film {number}") for number in range(200)]
    async with serve(settings) as client:
        await upsert(client, *items)
        await asyncio.sleep(0.3)
        assert waiting(database, settings.tenant) == 200
    shutil.copytree(encoder, settings.bundle_store / FOLDER)
    stack.kill("triton")
    async with serve(settings):
        await jobs_end(database, settings.tenant, 90.0)
    made = vectors_of(database, settings.tenant)
    assert len(made) == 200
    assert all(vector.any() for vector in made.values())


async def test_what_another_encoder_made_is_encoded_anew(
    serve: Serve, with_encoder: CandidatesSettings, database: Database
) -> None:
    async with serve(with_encoder) as client:
        await upsert(client, pb.Item(id="1", title="A title"))
        await jobs_end(database, with_encoder.tenant)
    database.execute(
        "UPDATE item_vectors SET encoder = 'former', values = '{1}' WHERE tenant = %s", (with_encoder.tenant,)
    )
    async with serve(with_encoder):
        async with asyncio.timeout(30):
            while len(vectors_of(database, with_encoder.tenant)["1"]) != 384:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert (with_encoder.bundle_store / FOLDER / DESCRIPTION).is_file()


async def test_two_servers_share_the_work(serve: Serve, with_encoder: CandidatesSettings, database: Database) -> None:
    async with serve(with_encoder) as one, serve(with_encoder) as other:
        items = [pb.Item(id=str(number), title=f"Film {number}") for number in range(300)]
        await asyncio.gather(upsert(one, *items[:150]), upsert(other, *items[150:]))
        await jobs_end(database, with_encoder.tenant, 60.0)
    assert len(vectors_of(database, with_encoder.tenant)) == 300


async def test_an_import_does_not_keep_a_single_item_waiting(
    serve: Serve, settings: CandidatesSettings, database: Database
) -> None:
    async with serve(settings) as client:
        await upsert(client, *[pb.Item(id=str(number), title=f"Film {number}") for number in range(200)])
        await upsert(client, pb.Item(id="single", title="A single one"))
    async with open_pool(settings.database_url) as pool:
        claimed = await TextJobs(pool, settings.tenant).claim(3)
    assert len(claimed) == 3
    assert "single" in [job.item_id for job in claimed]
