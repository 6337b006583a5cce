"""The index by user leaves impressions out: reading a history then never walks through what was merely shown."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index. Type 1 is an impression."""
    op.execute("DROP INDEX events_by_user")
    op.execute("CREATE INDEX events_by_user ON events (tenant, user_id, event_time DESC, seq DESC) WHERE type <> 1")
