"""An index over the words of items, by which intents find what they name."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index. Whoever asks must write the very same expression."""
    op.execute("CREATE INDEX items_by_words ON items USING gin (to_tsvector('english', title || ' ' || text))")
