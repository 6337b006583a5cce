"""Texts that wait for the text encoder, and who made which vector from which text."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # revision is the item's when the text was written: what was encoded from an older text is thrown away.
    # bulk: written with many others, as an import does; whoever writes one item is not kept waiting by those.
    """
    CREATE TABLE text_jobs (
        tenant     text        NOT NULL,
        item_id    text        NOT NULL,
        revision   bigint      NOT NULL,
        bulk       boolean     NOT NULL DEFAULT true,
        attempts   int         NOT NULL DEFAULT 0,
        not_before timestamptz NOT NULL DEFAULT now(),
        error      text,
        PRIMARY KEY (tenant, item_id)
    )
    """,
    "CREATE INDEX text_jobs_by_time ON text_jobs (tenant, bulk, not_before)",
    # Both empty where the caller brought the vector.
    "ALTER TABLE item_vectors ADD COLUMN encoder text NOT NULL DEFAULT '', ADD COLUMN digest text NOT NULL DEFAULT ''",
    # What was written before there was an encoder waits for it like anything else.
    """
    INSERT INTO text_jobs (tenant, item_id, revision)
    SELECT tenant, item_id, revision FROM items
    WHERE deleted_at IS NULL AND (title <> '' OR text <> '') AND NOT EXISTS (
        SELECT FROM item_vectors WHERE item_vectors.tenant = items.tenant
            AND item_vectors.item_id = items.item_id AND name = 'text')
    """,
)


def upgrade() -> None:
    """Make the table and the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
