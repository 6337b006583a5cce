"""The change feed: what became of the catalog since a revision."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.query import DEFAULT_SCENARIO
from services.core.release_years import UNKNOWN_YEAR
from services.plumbing.clients.postgres import Pool, connection

_PAGE_ITEMS = 5_000
_NEWEST = "SELECT coalesce(max(revision), 0) FROM items WHERE tenant = %s"
_CHANGES = """
SELECT revision, item_id, title, categories, (extract(epoch FROM available_from) * 1000000)::bigint,
    (extract(epoch FROM available_until) * 1000000)::bigint, (extract(epoch FROM created_at) * 1000000)::bigint,
    deleted_at IS NOT NULL, scenario,
    CASE WHEN attributes ->> 'year' ~ '^[1-9][0-9]{0,3}([.]0)?$' THEN (attributes ->> 'year')::numeric::int ELSE 0 END
FROM items WHERE tenant = %s AND revision > %s ORDER BY revision LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item as it is now, as far as serving needs it. Times are microseconds since 1970-01-01 UTC.

    year: Of the attribute of that name, UNKNOWN_YEAR for none.
    """

    revision: int
    item_id: str
    title: str = ""
    categories: tuple[str, ...] = ()
    available_from: int | None = None
    available_until: int | None = None
    created_at: int = 0
    deleted: bool = False
    scenario: str = DEFAULT_SCENARIO
    year: int = UNKNOWN_YEAR


class ChangeFeed:
    """Reads changes of one tenant's items in the order of their revisions.

    Nothing is missed by asking for what is greater than the last revision seen: all who write items take turns (see
    ItemStore), so that revisions become visible in their order.
    """

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def newest_revision(self) -> int:
        """Return the greatest revision, 0 for an empty catalog. Raises UnavailableError."""
        async with connection(self._pool) as borrowed:
            row = await (await borrowed.execute(_NEWEST, (self._tenant,))).fetchone()
        return int(row[0]) if row else 0

    async def changes_after(self, revision: int) -> list[ItemChange]:
        """Return the next changes, at most one page; empty when there are none. Raises UnavailableError."""
        async with connection(self._pool) as borrowed:
            found = await borrowed.execute(_CHANGES, (self._tenant, revision, _PAGE_ITEMS))
            return [
                ItemChange(revision, item_id, title, tuple(categories), *others)
                for revision, item_id, title, categories, *others in await found.fetchall()
            ]
