"""The TROMMEL_* variables by which services and clients find the parts of this stack."""

from __future__ import annotations

from services.embedded import postgres, redis_server
from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.settings import StackSettings


def client_environment(settings: StackSettings) -> dict[str, str]:
    """The variables, with passwords. A part with a URL of its own keeps that URL."""
    base = settings.port_base
    variables = {
        "TROMMEL_DATA_DIR": str(settings.root),
        "TROMMEL_PORT_BASE": str(base),
        "TROMMEL_DATABASE_URL": settings.database_url or postgres.url(settings),
        "TROMMEL_REDIS_URL": settings.redis_url or redis_server.url(settings),
        "TROMMEL_TRITON_URL": settings.triton_url or f"{LOOPBACK}:{ports_of('triton', base)['grpc']}",
        "TROMMEL_BUNDLE_STORE": str(settings.bundles),
        "TROMMEL_MODEL_REPOSITORY": str(settings.models),
        "TROMMEL_LOG_LEVEL": settings.log_level,
        "TROMMEL_TENANT": settings.tenant,
    }
    for name in ("candidates", "ranking", "feedback", "training"):
        variables[f"TROMMEL_{name.upper()}_URL"] = f"{LOOPBACK}:{ports_of(name, base)['grpc']}"
    return variables
