"""The change feed on a real PostgreSQL."""

from __future__ import annotations

from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.catalog.change_feed import ChangeFeed
from services.candidates.settings import CandidatesSettings
from services.plumbing.clients.postgres import open_pool
from tests.integration.candidates.conftest import Client

YEARS = {1995: 1995, "1987": 1987, 1995.5: 0, -3: 0, 0: 0, 12345: 0, 1e300: 0, "soon": 0, True: 0, None: 0}


async def test_the_year_is_read_whatever_attributes_hold(client: Client, settings: CandidatesSettings) -> None:
    items = [pb.Item(id=f"{year!r}") for year in YEARS]
    for item, year in zip(items, YEARS, strict=True):
        item.attributes.update({"year": year})
    nested = pb.Item(id="nested")
    nested.attributes.update({"year": {"of": [1995]}})
    await client.catalog.UpsertItems(iter([pb.UpsertItemsRequest(items=[*items, nested, pb.Item(id="bare")])]))
    async with open_pool(settings.database_url) as pool:
        changes = await ChangeFeed(pool, settings.tenant).changes_after(0)
    found = {change.item_id: change.year for change in changes}
    assert found == {**{repr(year): read for year, read in YEARS.items()}, "nested": 0, "bare": 0}
