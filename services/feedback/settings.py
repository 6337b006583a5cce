"""Settings of the feedback service."""

from __future__ import annotations

from pydantic import Field

from services.plumbing.settings import Address, ServerSettings

# A century.
_LONGEST_RETENTION_DAYS = 36_525


class FeedbackSettings(ServerSettings):
    """What the feedback service needs to know.

    Attributes:
        database_url: Where events are kept.
        redis_url: Where histories are at hand for ranking.
        feedback_pool_size: Database connections at most.
        feedback_max_batches: RecordEvents and RecordSlates calls that may wait for the database; the next is refused.
        feedback_patience_seconds: Time in which a lost database connection is tried again within one unary call.
        feedback_stream_patience_seconds: The same for a stream: a restart of the database does not break it.
        feedback_stream_batch: Events of a stream committed together at most, and read ahead at most.
        feedback_stream_linger_seconds: Time a stream waits for more events to commit together.
        feedback_redis_timeout_seconds: Longest wait for Redis; then the history is marked stale and the call goes on.
        feedback_history_ttl_seconds: Age at which a history in Redis is rebuilt from the database.
        slate_retention_days: Age at which served slates are deleted; 0 keeps them for ever.
        event_retention_days: The same for events, from when they were received. They are what training learns from,
            what hides an item from its user, and what makes sending one again harmless.
    """

    listen: Address = "127.0.0.1:7103"
    metrics_listen: Address = "127.0.0.1:7113"
    max_concurrent_rpcs: int = Field(default=128, ge=1)
    database_url: str = "postgresql://trommel@127.0.0.1:7120/trommel"
    redis_url: str = "redis://127.0.0.1:7121/0"
    feedback_pool_size: int = Field(default=6, ge=1)
    feedback_max_batches: int = Field(default=32, ge=1)
    feedback_patience_seconds: float = Field(default=2.0, ge=0)
    feedback_stream_patience_seconds: float = Field(default=30.0, ge=0)
    feedback_stream_batch: int = Field(default=500, ge=1, le=1000)
    feedback_stream_linger_seconds: float = Field(default=0.005, ge=0)
    feedback_redis_timeout_seconds: float = Field(default=0.5, gt=0)
    feedback_history_ttl_seconds: int = Field(default=3600, ge=1)
    slate_retention_days: int = Field(default=30, ge=0, le=_LONGEST_RETENTION_DAYS)
    event_retention_days: int = Field(default=0, ge=0, le=_LONGEST_RETENTION_DAYS)
