"""A bundle's own text encoder serves from Triton, and new items are placed by what it makes of their texts."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
from trommel.candidates.v1 import candidates_pb2
from trommel.catalog.v1 import catalog_pb2

from services.candidates.settings import CandidatesSettings
from services.core.bundle import BundleManifest, bundle_path
from services.core.content_space import ItemContent
from services.core.text_encoder_files import TUNED_TEXT_ENCODER
from services.embedded.triton import MODEL_CONFIGURATIONS
from services.plumbing.bundle_pointer import write_pointer
from services.plumbing.clients.triton import open_triton
from services.training.steps.bundle import fit_bundle
from services.training.steps.probe import probe_models
from services.training.steps.publish import publish_models
from tests.integration.candidates.conftest import Client, Serve, Stack
from tests.integration.candidates.test_catalog import upsert
from tests.kinds_in_words import ITEMS, OF_KIND, config_of, log_of_kinds, save_model

VERSION = "20240202000000"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BundleManifest]:
    store = tmp_path_factory.mktemp("tuned")
    log = replace(log_of_kinds(), contents=[ItemContent()] * (ITEMS + 1))
    config = config_of(save_model(store / "tiny"))
    manifest = fit_bundle(log, config, store, VERSION, lambda now: None)
    assert TUNED_TEXT_ENCODER in manifest.models
    return bundle_path(store, VERSION), manifest


@pytest.fixture
async def tuned(bundle: tuple[Path, BundleManifest], settings: CandidatesSettings, stack: Stack) -> CandidatesSettings:
    path, manifest = bundle
    publish_models(path, manifest, stack.settings.models, MODEL_CONFIGURATIONS)
    async with open_triton(stack.triton_url) as triton:
        with tritonclient.grpc.InferenceServerClient(stack.triton_url) as models:
            for name in manifest.models:
                models.load_model(name)
        await probe_models(triton, manifest)
    shutil.copytree(path, settings.bundle_store / VERSION)
    write_pointer(settings.bundle_store, VERSION)
    return settings


async def offered(client: Client, history: list[str]) -> set[str]:
    """Newcomers that a user is offered."""
    answer = await client.candidates.GenerateCandidates(
        candidates_pb2.GenerateCandidatesRequest(
            user_id="u", count=50, history=candidates_pb2.History(item_ids=history)
        )
    )
    assert answer.bundle_version == VERSION
    return {item for item in answer.candidates.item_ids if item.startswith("new")}


async def test_new_items_go_to_those_who_take_what_their_words_stand_for(
    serve: Serve, tuned: CandidatesSettings
) -> None:
    known = [catalog_pb2.Item(id=f"item-{row:03}") for row in range(1, ITEMS + 1)]
    new = [
        catalog_pb2.Item(id=f"new of {kind} {place}", title=f"filling{place} {OF_KIND[kind][place]}")
        for kind in (0, 1)
        for place in range(4)
    ]
    random = np.random.default_rng(0)
    people = [(kind, random.choice(np.arange(2 - kind, ITEMS, 2), 8, replace=False)) for kind in (0, 1) * 10]

    async def pairs() -> list[tuple[int, str]]:
        """Kinds of people, and what they are offered."""
        histories = [(kind, [f"item-{row:03}" for row in rows]) for kind, rows in people]
        return [(kind, item) for kind, history in histories for item in await offered(client, history)]

    async with serve(tuned) as client:
        await upsert(client, *known, *new)
        async with asyncio.timeout(10):
            while not (found := await pairs()):  # noqa: ASYNC110 - another task reads the catalog
                await asyncio.sleep(0.1)
    own = sum(item.startswith(f"new of {kind}") for kind, item in found)
    assert own > 2 * (len(found) - own)
    assert own > 10
