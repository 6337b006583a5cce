"""RecTools' SASRec as shipped, an epoch each time it is asked; runs in the peers' environment.

Started by benchmarks/training_speed.py, which says what is timed. Speaks JSON lines: what it is when it is ready, then
for every line that it reads one epoch's seconds and target positions, scaled where only a share of it was trained.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

settings = json.loads(sys.argv[1])


def say(**facts: Any) -> None:
    """Say one line to the caller."""
    print(json.dumps(facts), file=sys.__stdout__, flush=True)


class AskedEpochs(Callback):
    """Waits for a line before every epoch, and answers with its figures after it."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ready."""
        net = pl_module.torch_model
        whole = sum(parameter.numel() for parameter in net.parameters())
        items = pl_module.data_preparator.item_id_map.size * settings["width"]
        self.batches = len(trainer.train_dataloader)
        say(name="RecTools SASRec as shipped", parameters=whole - items, steps=self.batches)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin when told to."""
        if not sys.stdin.readline().strip():
            trainer.should_stop = True
            sys.exit(0)
        self.positions, self.steps = 0, 0
        self.began = time.perf_counter(), time.process_time()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Count targets: positions that are not padding."""
        self.positions += int((batch["y"] > 0).sum())
        self.steps += 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the seconds."""
        seconds, cpu_seconds = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        whole = self.batches / self.steps
        say(
            seconds=seconds * whole,
            cpu_seconds=cpu_seconds * whole,
            positions=round(self.positions * whole),
            loss=float(trainer.callback_metrics.get("train_loss", float("nan"))),
        )


def main() -> None:
    """Fit until nobody asks for more."""
    sys.stdout = sys.stderr
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(settings["threads"])
    with np.load(settings["interactions"]) as columns:
        frame = pd.DataFrame(
            {
                Columns.User: columns["users"],
                Columns.Item: columns["items"],
                Columns.Weight: 1.0,
                Columns.Datetime: pd.Timestamp("2020-01-01") + pd.to_timedelta(columns["times"], unit="s"),
            }
        )

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=10_000,
            min_epochs=1,
            limit_train_batches=settings["share"],
            accelerator="cpu",
            devices=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            logger=False,
            callbacks=[AskedEpochs()],
        )

    SASRecModel(
        n_factors=settings["width"],
        n_blocks=settings["blocks"],
        n_heads=settings["heads"],
        dropout_rate=settings["dropout"],
        session_max_len=settings["history"],
        batch_size=settings["users"],
        loss="sampled_softmax",
        n_negatives=settings["negatives"],
        lr=1e-3,
        get_trainer_func=trainer,
    ).fit(Dataset.construct(frame))


if __name__ == "__main__":
    main()
