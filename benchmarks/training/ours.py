"""Trommel's encoder, an epoch each time it is asked: the same conversation as in peer.py.

With ``per_position`` every position has negatives of its own, as in RecTools, instead of a set that a step shares.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress

import numpy as np
import torch
from torch.nn import functional

from services.training.steps.examples import InteractionLog
from services.training.steps.examples_packing import PackedBatch, pack_epoch
from services.training.steps.fit_config import TrainingConfig, TransformerConfig
from services.training.steps.fit_progress import Progress, ProgressReport, TrainingStoppedError
from services.training.steps.fit_transformer import Schedule, Trainer, new_encoder

EPOCHS = 10_000


class PerPosition(Trainer):
    """Draws uniform negatives for each position, and does not correct for their chance: RecTools' loss."""

    count = 0

    def _loss(self, batch: PackedBatch, sampling: np.random.Generator) -> torch.Tensor:
        filled = batch.segments > 0
        vectors = self._encoder.item_vectors()
        states = self._encoder(batch.items, batch.segments, vectors)[filled]
        targets = batch.targets[filled]
        drawn = torch.from_numpy(sampling.integers(1, len(vectors), (len(targets), self.count)))
        chosen = functional.embedding(torch.cat([targets[:, None], drawn], dim=1), vectors)
        logits = torch.bmm(chosen, states[:, :, None])[:, :, 0]
        return functional.cross_entropy(logits, torch.zeros(len(targets), dtype=torch.int64))


def main() -> None:
    """Train until nobody asks for more."""
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    with np.load(settings["interactions"]) as columns:
        users, items, times = (columns[name] for name in ("users", "items", "times"))
    item_ids = np.array(["", *map(str, range(1, int(items.max()) + 1))])
    log = InteractionLog.from_events(item_ids, users.astype(np.int32), items.astype(np.int32), times)
    length = settings["history"]
    packed = pack_epoch(log, length, np.random.default_rng(0))
    rows_per_step = max(1, len(packed) // settings["steps"])
    transformer = TransformerConfig(
        max_history=length,
        width=settings["width"],
        blocks=settings["blocks"],
        heads=settings["heads"],
        hidden=settings["hidden"],
        dropout=settings["dropout"],
        negatives=settings["negatives"],
        full_softmax_items=0,
        positions_per_step=rows_per_step * length,
    )
    config = TrainingConfig(threads=settings["threads"], transformer=transformer)
    encoder = new_encoder(log, config)
    schedule = Schedule(0, EPOCHS, 1e-3)
    PerPosition.count = settings["negatives"]
    trainer = (PerPosition if settings["per_position"] else Trainer)(log, config, encoder, schedule)
    losses: list[float | None] = [None]

    def hear(progress: Progress) -> None:
        losses[0] = progress.loss

    steps = -(-len(packed) // rows_per_step)
    trained = round(steps * settings["share"])
    left = [0]

    def enough() -> bool:
        """Whether the share of the epoch's steps is over; asked once after every step."""
        left[0] -= 1
        return left[0] == 0

    report = ProgressReport(hear, enough, {"transformer": 1.0})
    whole = sum(parameter.numel() for parameter in encoder.parameters())
    kind = "negatives per position" if settings["per_position"] else "negatives shared by a step"
    facts = {
        "name": f"Trommel, {kind}",
        "parameters": whole - encoder.items.weight.numel(),
        "steps": steps,
    }
    print(json.dumps(facts), flush=True)
    for epoch, line in enumerate(sys.stdin):
        if not line.strip():
            return
        began = time.perf_counter(), time.process_time()
        left[0] = trained
        with suppress(TrainingStoppedError):
            trainer.run_epoch(epoch, report)
        figures = {
            # With a share of an epoch the packing, done once, is scaled too: to our disadvantage.
            "seconds": (time.perf_counter() - began[0]) * steps / trained,
            "cpu_seconds": (time.process_time() - began[1]) * steps / trained,
            "positions": packed.position_count,
            "loss": losses[0],
        }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
