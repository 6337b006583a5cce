"""The first tables: items and their vectors, events, slates, training runs, bundles. Tenant leads every key."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE SEQUENCE item_revision_seq",
    # revision is set anew at each change (nextval), so that readers fetch what changed since they last looked.
    """
    CREATE TABLE items (
        tenant          text        NOT NULL,
        item_id         text        NOT NULL,
        scenario        text        NOT NULL DEFAULT 'default',
        title           text        NOT NULL DEFAULT '',
        text            text        NOT NULL DEFAULT '',
        categories      text[]      NOT NULL DEFAULT '{}',
        available_from  timestamptz,
        available_until timestamptz,
        attributes      jsonb       NOT NULL DEFAULT '{}',
        created_at      timestamptz NOT NULL DEFAULT now(),
        updated_at      timestamptz NOT NULL DEFAULT now(),
        revision        bigint      NOT NULL DEFAULT nextval('item_revision_seq'),
        deleted_at      timestamptz,
        PRIMARY KEY (tenant, item_id)
    )
    """,
    "CREATE INDEX items_by_revision ON items (tenant, revision)",
    """
    CREATE TABLE item_vectors (
        tenant  text   NOT NULL,
        item_id text   NOT NULL,
        name    text   NOT NULL,
        values  real[] NOT NULL,
        PRIMARY KEY (tenant, item_id, name)
    )
    """,
    # seq is the order in which events were taken; it breaks ties of event_time.
    """
    CREATE TABLE events (
        tenant        text             NOT NULL,
        event_id      text             NOT NULL,
        user_id       text             NOT NULL,
        item_id       text             NOT NULL,
        scenario      text             NOT NULL DEFAULT 'default',
        type          smallint         NOT NULL,
        event_time    timestamptz      NOT NULL,
        dwell_seconds double precision,
        value         double precision,
        request_id    text             NOT NULL DEFAULT '',
        received_at   timestamptz      NOT NULL DEFAULT now(),
        seq           bigserial        NOT NULL,
        PRIMARY KEY (tenant, event_id)
    )
    """,
    "CREATE INDEX events_by_user ON events (tenant, user_id, event_time DESC, seq DESC)",
    "CREATE INDEX events_by_seq ON events (tenant, seq)",
    # features are row-major items x feature_names, as the ranker read them.
    """
    CREATE TABLE slates (
        tenant           text        NOT NULL,
        request_id       text        NOT NULL,
        user_id          text        NOT NULL,
        scenario         text        NOT NULL DEFAULT 'default',
        served_at        timestamptz NOT NULL DEFAULT now(),
        bundle_version   text        NOT NULL DEFAULT '',
        policy           text        NOT NULL DEFAULT '',
        context          jsonb       NOT NULL DEFAULT '{}',
        history_item_ids text[]      NOT NULL DEFAULT '{}',
        item_ids         text[]      NOT NULL DEFAULT '{}',
        scores           real[]      NOT NULL DEFAULT '{}',
        feature_names    text[]      NOT NULL DEFAULT '{}',
        features         real[]      NOT NULL DEFAULT '{}',
        degraded_reasons text[]      NOT NULL DEFAULT '{}',
        PRIMARY KEY (tenant, request_id)
    )
    """,
    "CREATE INDEX slates_by_time ON slates (tenant, served_at)",
    # The lease and its fencing token keep one run from being worked on twice.
    """
    CREATE TABLE training_runs (
        tenant           text             NOT NULL,
        id               text             NOT NULL,
        state            text             NOT NULL,
        step             text             NOT NULL DEFAULT '',
        progress         double precision NOT NULL DEFAULT 0,
        message          text             NOT NULL DEFAULT '',
        parameters       jsonb            NOT NULL DEFAULT '{}',
        created_at       timestamptz      NOT NULL DEFAULT now(),
        started_at       timestamptz,
        ended_at         timestamptz,
        bundle_version   text,
        metrics          jsonb            NOT NULL DEFAULT '{}',
        error            text,
        lease_owner      text,
        lease_expires_at timestamptz,
        fencing_token    bigint           NOT NULL DEFAULT 0,
        deliveries       int              NOT NULL DEFAULT 0,
        PRIMARY KEY (tenant, id)
    )
    """,
    "CREATE INDEX training_runs_by_time ON training_runs (tenant, created_at DESC)",
    """
    CREATE TABLE bundles (
        tenant         text        NOT NULL,
        version        text        NOT NULL,
        state          text        NOT NULL,
        run_id         text,
        parent_version text,
        created_at     timestamptz NOT NULL DEFAULT now(),
        activated_at   timestamptz,
        metrics        jsonb       NOT NULL DEFAULT '{}',
        item_count     bigint      NOT NULL DEFAULT 0,
        PRIMARY KEY (tenant, version)
    )
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
