"""Settings of the training server and of its worker, from TROMMEL_* in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from services.plumbing.settings import Address, ServerSettings, TrommelSettings
from services.training.text_encoder.default_model import DEFAULT_MODEL

DEFAULT_REDIS_URL = "redis://127.0.0.1:7121/0"


def _names(value: object) -> object:
    """Take "a, b" for ("a", "b")."""
    return tuple(name for part in value.split(",") if (name := part.strip())) if isinstance(value, str) else value


class TrainingSettings(TrommelSettings):
    """What server and worker share: where the parts are.

    Attributes:
        tenant: Whose events are trained on.
        database_url: PostgreSQL, the record of runs and bundles.
        redis_url: The queue between server and worker.
        triton_url: host:port of Triton's gRPC endpoint; dns:///host:port loads models into every replica behind it.
        triton_admin_key: Key that Triton asks for before it loads a model; empty when it asks for none.
        bundle_store: Directory of bundles, shared by all services.
        model_repository: Triton's model repository; versions are published there.
        model_configs: The checked-in repository whose config.pbtxt files seed the other one.
        bundle_store_quota_bytes: What the bundle store may take on the disk; 0 for the whole file system. A run that
            would not fit is refused before it trains.
        keep_bundles: Newest bundles that are kept; the active one and the one before it always are.
        triton_load_seconds: Longest time that one LoadModel may take.
    """

    tenant: str = Field(default="default", pattern="^[a-z0-9][a-z0-9_-]{0,62}$")
    database_url: str = "postgresql://trommel@127.0.0.1:7120/trommel"
    redis_url: str = DEFAULT_REDIS_URL
    triton_url: Address = "127.0.0.1:7131"
    triton_admin_key: SecretStr = SecretStr("")
    bundle_store: Path = Path(".trommel/bundles")
    model_repository: Path = Path(".trommel/model_repository")
    model_configs: Path = Path(__file__).resolve().parents[2] / "model_repository"
    bundle_store_quota_bytes: int = Field(default=0, ge=0)
    keep_bundles: int = Field(default=5, ge=2, le=1000)
    triton_load_seconds: float = Field(default=120.0, gt=0, le=3600)


class TrainingServerSettings(ServerSettings, TrainingSettings):
    """Settings of the gRPC server.

    Attributes:
        reconcile_seconds: Time between two looks at runs that nobody works on and at Triton.
        max_waiting_runs: Runs that may wait; the next is refused with RESOURCE_EXHAUSTED.
    """

    listen: Address = "127.0.0.1:7104"
    reconcile_seconds: float = Field(default=2.0, gt=0, le=3600)
    max_waiting_runs: int = Field(default=100, ge=1)


class WorkerSettings(TrainingSettings):
    """Settings of the Celery worker.

    Attributes:
        metrics_listen: Where Prometheus scrapes.
        log_level: Lowest level that is logged.
        lease_seconds: Time after which a run whose worker says nothing may be taken by another.
        max_deliveries: Times a run is taken up before it counts as what kills its workers.
        max_run_seconds: Longest time of one run in one worker.
        min_events: Interactions below which there is nothing to train on.
        min_users: Users with min_user_events interactions below which there is nothing to train on.
        min_user_events: See min_users: two are held out, one must remain.
        min_items: Items with interactions below which there is nothing to train on.
        niceness: How far the worker steps back from the processor in favour of serving.
        text_encoder: all-MiniLM-L6-v2, which needs no network, a local folder, or a name on the hub; "none" for none.
        text_encoder_precision: fp32, or int8: about twice as fast on a CPU, with vectors a little off.
        texts_wait_seconds: Longest wait at the beginning of a run for texts that are being encoded; 0 waits for none.
        text_tuning_epochs: How often a training goes through the interactions to fine-tune the text encoder together
            with the ranker, for items that nobody took yet; 0 leaves it frozen.
        text_tuning_tasks: What the encoder learns to foretell besides, separated by commas: category, rating.
        text_tuning_layers: Upper layers of the encoder that learn.
        text_encoder_cache: Directory that keeps exported encoders; without one each bundle store has its own exported.
    """

    metrics_listen: Address = "127.0.0.1:0"
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    lease_seconds: float = Field(default=15.0, ge=1, le=3600)
    max_deliveries: int = Field(default=5, ge=1)
    max_run_seconds: float = Field(default=6 * 3600.0, gt=0)
    min_events: int = Field(default=50, ge=1)
    min_users: int = Field(default=5, ge=1)
    min_user_events: int = Field(default=3, ge=3)
    min_items: int = Field(default=10, ge=2)
    niceness: int = Field(default=10, ge=0, le=19)
    text_encoder: str = Field(default=DEFAULT_MODEL, min_length=1)
    text_encoder_precision: Literal["fp32", "int8"] = "fp32"
    texts_wait_seconds: float = Field(default=120.0, ge=0, le=3600)
    text_tuning_epochs: int = Field(default=0, ge=0, le=100)
    text_tuning_tasks: Annotated[
        tuple[Literal["category", "rating"], ...], NoDecode, BeforeValidator(_names), Field(max_length=2)
    ] = ()
    text_tuning_layers: int = Field(default=2, ge=1, le=48)
    text_encoder_cache: Annotated[Path | None, BeforeValidator(lambda value: value or None)] = None
