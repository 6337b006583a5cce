"""Texts a second of the text encoder in Triton, as a share of bare ONNX Runtime with the same file.

    python benchmarks/text_encoder_throughput.py [--encoder .trommel/bundles/text_encoder] [--triton 127.0.0.1:7131]
        [--rounds 5] [--threads 2]

It needs a running stack (`trommel up --detach`). For each number of tokens and batch size the two take turns, round
by round, on the same batches; the middle round counts. Triton is asked through the client that the services use,
with two calls in flight, as an import has them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.core.text_encoder_files import MODEL, TEXT_ENCODER, TEXT_VECTORS, VERSION
from services.plumbing.clients.triton import TritonClient, open_triton

TOKENS, BATCHES = (32, 128, 256), (1, 8, 32)
_IN_FLIGHT = 2
_TEXTS_A_ROUND = 96
_VOCABULARY = 20_000

Inputs = dict[str, NDArray[np.int64]]


def batches_of(tokens: int, size: int, seed: int) -> list[Inputs]:
    """Random tokens, as many batches as make a round."""
    random = np.random.default_rng(seed)
    return [
        {
            "input_ids": random.integers(1_000, _VOCABULARY, (size, tokens)),
            "attention_mask": np.ones((size, tokens), np.int64),
        }
        for _ in range(max(2, _TEXTS_A_ROUND // size))
    ]


def bare(session: onnxruntime.InferenceSession, batches: list[Inputs]) -> float:
    """Return seconds."""
    started = time.perf_counter()
    for batch in batches:
        session.run(None, batch)
    return time.perf_counter() - started


async def in_triton(client: TritonClient, batches: list[Inputs]) -> float:
    """Return seconds."""
    left = list(batches)

    async def work() -> None:
        while left:
            await client.infer(TEXT_ENCODER, VERSION, left.pop(), TEXT_VECTORS, 120.0)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
    return time.perf_counter() - started


async def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Texts a second in Triton beside bare ONNX Runtime.")
    parser.add_argument("--encoder", type=Path, default=Path(".trommel/bundles/text_encoder"))
    parser.add_argument("--triton", default="127.0.0.1:7131", help="host:port of its gRPC endpoint")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of bare ONNX Runtime")
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(options.encoder / MODEL), settings, providers=["CPUExecutionProvider"])
    print("tokens  batch   ONNX Runtime         Triton   ratio")
    async with open_triton(options.triton) as client:
        for tokens in TOKENS:
            for size in BATCHES:
                batches = batches_of(tokens, size, seed=tokens + size)
                texts = size * len(batches)
                bare(session, batches[:1])
                await in_triton(client, batches[:1])
                rounds = [(bare(session, batches), await in_triton(client, batches)) for _ in range(options.rounds)]
                alone, served = (texts / statistics.median(column) for column in zip(*rounds, strict=True))
                print(f"{tokens:6}  {size:5}  {alone:7.1f} texts/s  {served:7.1f} texts/s  {served / alone:5.2f}")


if __name__ == "__main__":
    asyncio.run(main())
