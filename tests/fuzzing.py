"""A round of fuzzing: every method of the contracts, with what is allowed, what is not, and what is no message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from tests.strange_messages import StrangeMessages

_TIMEOUT_SECONDS = 60
_IN_A_STREAM = 3


@dataclass
class Round:
    """What came of it.

    Attributes:
        codes: Calls by method and status code, of messages of any kind.
        allowed: Calls with an allowed message that were answered, by method.
        told: What callers were told: code, details and trailing metadata of each error.
    """

    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return self.codes.total()


def fuzz(
    channel: grpc.Channel,
    services: list[ServiceDescriptor],
    messages: StrangeMessages,
    outcome: Round,
    *,
    calls_a_method: int,
    tame: Callable[[str, Any], None] = lambda method, message: None,
) -> None:
    """Call each method of these services and unknown ones; note what came in `outcome`.

    calls_a_method: Of each kind: allowed, anything, garbage.
    tame: Takes back from a message, by its method's name, what would do more than a test can bear.
    """
    for service in services:
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            for make in (messages.allowed, messages.any):
                for _ in range(calls_a_method):
                    made = [make(method.input_type) for _ in range(_IN_A_STREAM if method.client_streaming else 1)]
                    for message in made:
                        tame(method.name, message)
                    sent = [one.SerializeToString() for one in made]
                    code = _call(channel, path, method, sent, messages, outcome.told)
                    outcome.codes[method.name, code] += 1
                    outcome.allowed[method.name] += make == messages.allowed and code == "OK"
            for _ in range(calls_a_method):
                code = _call(channel, path, method, [messages.garbage()], messages, outcome.told)
                outcome.codes[method.name, code] += 1
        for _ in range(calls_a_method):
            for path in (f"/{service.full_name}/{messages.name()}", f"/{messages.name()}/{messages.name()}"):
                with suppress(grpc.RpcError):
                    channel.unary_unary(path)(messages.garbage(), timeout=_TIMEOUT_SECONDS)
                outcome.codes["unknown", "any"] += 1


def _call(
    channel: grpc.Channel,
    path: str,
    method: MethodDescriptor,
    sent: list[bytes],
    messages: StrangeMessages,
    told: list[str],
) -> str:
    """Return the name of the code that a call ends with; add what an error tells."""
    given: Any = iter(sent) if method.client_streaming else sent[0]
    kinds = {(False, False): "unary_unary", (True, False): "stream_unary", (True, True): "stream_stream"}
    make = getattr(channel, kinds[method.client_streaming, method.server_streaming])
    try:
        answer = make(path)(given, timeout=_TIMEOUT_SECONDS, metadata=messages.metadata())
        if method.server_streaming:
            _drain(answer)
    except grpc.RpcError as error:
        told.append(f"{error.code()} {error.details()} {error.trailing_metadata()} {error}")
        return str(error.code().name)
    return "OK"


def _drain(answers: Iterator[Message]) -> None:
    for _ in answers:
        pass
