"""An index over the words of items' attributes, by which intents find whom and what they name: directors, makers."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index. Whoever asks must write the very same expression."""
    op.execute(
        "CREATE INDEX items_by_attribute_words ON items "
        "USING gin (jsonb_to_tsvector('english', attributes, '[\"string\"]'))"
    )
