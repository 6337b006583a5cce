"""Settings of the ranking service, from TROMMEL_* in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.core.cascade import CANDIDATE_COUNT, DIVERSITY_STRENGTH, HEAD_WEIGHTS, MAX_CANDIDATES, NEWCOMER_SHARE
from services.plumbing.settings import Address, ServerSettings


class RankingSettings(ServerSettings):
    """What ranking needs to know.

    Attributes:
        redis_url: Where recent histories are kept.
        triton_url: host:port of Triton's gRPC.
        candidates_url: gRPC target of the candidates service.
        feedback_url: gRPC target of the feedback service.
        bundle_store: Directory of the bundles and the pointer to the active one.
        time_budget_seconds: Time to answer in when the caller names none.
        history_timeout_seconds: Longest wait for the history in Redis.
        history_store_timeout_seconds: Longest wait for the history from the feedback service instead.
        candidates_timeout_seconds: Longest wait for candidates.
        ranker_timeout_seconds: Longest wait for the ranker.
        ranker_reserve_seconds: Time kept back from the ranker for what comes after it.
        candidate_count: Candidates to ask for, at least; larger slates ask for more.
        head_weights: Weight of each of the ranker's heads in the final score; heads not named count nothing.
        diversity_strength: Price of likeness to what stands above in the slate, in standard deviations of the
            score; 0 orders by score alone.
        newcomer_share: Share of a slate's places for items that the bundle does not know yet and that suit the user by
            what they are; 0 lets them compete by score alone.
        slate_queue_size: Served slates that may wait to be recorded; further ones are dropped and counted.
        slate_linger_seconds: How long a served slate waits for others before they are sent to be recorded in one call.
    """

    listen: Address = "127.0.0.1:7102"
    redis_url: str = "redis://127.0.0.1:7121/0"
    triton_url: str = "127.0.0.1:7131"
    candidates_url: str = "127.0.0.1:7101"
    feedback_url: str = "127.0.0.1:7103"
    bundle_store: Path = Path(".trommel/bundles")
    time_budget_seconds: float = Field(default=1.0, gt=0, le=60)
    history_timeout_seconds: float = Field(default=0.05, gt=0)
    history_store_timeout_seconds: float = Field(default=0.4, gt=0)
    candidates_timeout_seconds: float = Field(default=0.4, gt=0)
    ranker_timeout_seconds: float = Field(default=0.25, gt=0)
    ranker_reserve_seconds: float = Field(default=0.005, ge=0)
    candidate_count: int = Field(default=CANDIDATE_COUNT, ge=1, le=MAX_CANDIDATES)
    head_weights: dict[str, float] = Field(default=dict(HEAD_WEIGHTS), min_length=1)
    diversity_strength: float = Field(default=DIVERSITY_STRENGTH, ge=0, le=10)
    newcomer_share: float = Field(default=NEWCOMER_SHARE, ge=0, le=0.5)
    slate_queue_size: int = Field(default=2048, ge=1)
    slate_linger_seconds: float = Field(default=0.25, ge=0, le=10)
