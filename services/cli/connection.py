"""Connections to the services: stubs whose failures become one clear line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from services.cli.cli_error import CliError
from services.cli.targets import Service, target

T = TypeVar("T")
DEFAULT_TIMEOUT_SECONDS = 10.0

# What each gRPC service is called and which process serves it.
_SERVED_BY: dict[str, Service] = {
    "trommel.candidates.v1.CandidateService": "candidates",
    "trommel.catalog.v1.CatalogService": "candidates",
    "trommel.ranking.v1.RankingService": "ranking",
    "trommel.feedback.v1.FeedbackService": "feedback",
    "trommel.training.v1.TrainingService": "training",
}


@asynccontextmanager
async def connected(full_name: str, stub: Callable[[Any], T]) -> AsyncIterator[T]:
    """Open a stub of a service; a call that fails inside the context becomes a CliError.

    Args:
        full_name: For example "trommel.ranking.v1.RankingService".
        stub: The generated stub class.
    """
    import grpc

    from services.cli.grpc_errors import explain
    from services.cli.secure_channels import credentials
    from services.plumbing.clients.channels import open_channel

    address = target(_SERVED_BY[full_name])
    channel = open_channel(address, full_name, credentials=credentials())
    try:
        yield stub(channel)
    except grpc.RpcError as error:
        raise CliError(explain(error, address)) from error
    except UnicodeEncodeError as error:
        raise CliError("an argument is not valid UTF-8 text") from error
    finally:
        await channel.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end from a command."""
    return asyncio.run(work)
