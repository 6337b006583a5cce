"""Settings that every server shares, read once from the environment (TROMMEL_*), frozen and validated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _checked_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(f"{value!r} is not host:port")
    return value


Address = Annotated[str, AfterValidator(_checked_address)]
"""host:port, where port 0 lets the system choose."""


class TrommelSettings(BaseSettings):
    """Base of all settings: TROMMEL_ in front, immutable, unknown names in the environment ignored."""

    model_config = SettingsConfigDict(env_prefix="TROMMEL_", frozen=True, extra="ignore")


class ServerSettings(TrommelSettings):
    """What a gRPC server needs to know.

    Attributes:
        listen: Where RPCs are served.
        health_listen: Where health alone is served, without TLS and outside the limit on RPCs; None for nowhere.
        metrics_listen: Where Prometheus scrapes; port 0 and the log line that follows tell where.
        tenant: Whose data this installation keeps until callers carry credentials.
        log_level: Lowest level that is logged.
        max_concurrent_rpcs: RPCs in flight; the next is refused with RESOURCE_EXHAUSTED.
        max_message_bytes: Largest message taken; above it gRPC answers RESOURCE_EXHAUSTED.
        max_connection_age_seconds: Age at which a connection is asked to close, so that clients find new replicas.
        drain_delay_seconds: Least time between "not serving" and the end of new RPCs, for clients to notice; while RPCs
            still come it is up to five seconds more, and 0 waits for nobody.
        drain_seconds: Time RPCs in flight get to finish.
        tls_certificate: PEM file with this process's certificate; with the next two, mutual TLS is on.
        tls_key: PEM file with its private key.
        tls_authority: PEM file with the authorities whose certificates are accepted, of callers and of servers.
    """

    listen: Address
    health_listen: Address | None = None
    metrics_listen: Address = "127.0.0.1:0"
    tenant: str = Field(default="default", pattern="^[a-z0-9][a-z0-9_-]{0,62}$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    max_concurrent_rpcs: int = Field(default=256, ge=1)
    max_message_bytes: int = Field(default=16 << 20, ge=1 << 16)
    max_connection_age_seconds: float = Field(default=600.0, gt=0)
    drain_delay_seconds: float = Field(default=0.5, ge=0)
    drain_seconds: float = Field(default=10.0, ge=0)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_authority: Path | None = None

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if len({file is None for file in (self.tls_certificate, self.tls_key, self.tls_authority)}) != 1:
            raise ValueError("TROMMEL_TLS_CERTIFICATE, TROMMEL_TLS_KEY and TROMMEL_TLS_AUTHORITY go together")
        return self
