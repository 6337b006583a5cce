"""Words of items, in PostgreSQL: stemmed, rare ones counting more, and only of items that are there."""

from __future__ import annotations

import pytest
from google.protobuf.struct_pb2 import Struct
from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.catalog.item_words import ItemWords
from services.candidates.settings import CandidatesSettings
from services.plumbing.clients.postgres import open_pool
from tests.integration.candidates.conftest import Client
from tests.integration.candidates.test_catalog import upsert


def attributes(**values: str | float) -> Struct:
    made = Struct()
    made.update(values)
    return made


async def test_attributes_name_who_made_an_item(client: Client, settings: CandidatesSettings) -> None:
    await upsert(
        client,
        pb.Item(id="1", title="Vertigo", attributes=attributes(director="Alfred Hitchcock", year=1958)),
        pb.Item(id="2", title="Marnie", text="A thief.", attributes=attributes(cast="Tippi Hedren, Sean Connery")),
        pb.Item(id="3", title="Hitchcock", attributes=attributes(director="Sacha Gervasi")),
    )
    async with open_pool(settings.database_url) as pool:
        words = ItemWords(pool, settings.tenant)
        assert await words.named_by("a film by hitchcock", 100) == {"1": 1.0, "3": 1.0}
        assert set(await words.named_by("something with Sean Connery", 100)) == {"2"}
        assert await words.named_by("1958 director cast", 100) == {}, "names and numbers are no words of an item"


async def test_items_that_name_the_words_are_found(client: Client, settings: CandidatesSettings) -> None:
    await upsert(
        client,
        pb.Item(id="1", title="Courtrooms", text="Lawyers' lives."),
        pb.Item(id="2", title="A life", text="of a lawyer who drinks"),
        pb.Item(id="3", title="Space", text="stars"),
        pb.Item(id="gone", title="Courtroom"),
    )
    await client.catalog.DeleteItems(pb.DeleteItemsRequest(item_ids=["gone"]))
    async with open_pool(settings.database_url) as pool:
        words = ItemWords(pool, settings.tenant)
        found = await words.named_by("the courtroom of a lawyer", 100)
        assert found["1"] == pytest.approx(1.0)
        assert 0 < found["2"] < 0.5, "the rarer word counts more"
        assert set(found) == {"1", "2"}
        assert await ItemWords(pool, "other").named_by("courtroom", 100) == {}
        odd_ones = [
            "",
            "the of a",
            "something like a good film",
            "'); DROP TABLE items; --",
            "\\ ' \" & | ! ( ) : *",
            "不 知 道",
            "x" * 1000,
        ]
        for odd in odd_ones:
            assert await words.named_by(odd, 100) == {}
