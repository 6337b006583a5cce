"""gRPC channels to sibling services: balanced over replicas, health-checked, retrying what is safe to retry."""

from __future__ import annotations

import json

import grpc

# CANCELLED is not only what callers do: a server that stops cancels what has come and is not taken up yet
# (grpc/grpc#41785). What a caller cancels itself is over, and never tried again.
_AGAIN_ELSEWHERE = ["UNAVAILABLE", "CANCELLED"]


def open_channel(
    target: str, service: str, *, retry: bool = True, credentials: grpc.ChannelCredentials | None = None
) -> grpc.aio.Channel:
    """Return a channel to `target` ("host:port" or a gRPC name such as "dns:///ranking:7102").

    Calls spread over all addresses behind the name. A replica that says NOT_SERVING for `service` gets no new calls,
    and what one could not take, or cut off, is tried again elsewhere: a rolling restart fails no call. Create channels
    after a fork. With credentials the channel speaks TLS (services.plumbing.tls), without them plain HTTP/2.
    """
    config: dict[str, object] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service},
    }
    if retry:
        config["methodConfig"] = [
            {
                "name": [{"service": service}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": _AGAIN_ELSEWHERE,
                },
            }
        ]
    options = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", 64 << 20),
        ("grpc.max_send_message_length", 64 << 20),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)
