"""One process of a training on the circle of items: ``fit_circle.py CONFIG FOLDER [die-in-epoch]``.

The first process writes the weights it has learnt to FOLDER/fitted.pt. With an epoch the last process kills itself
when it begins.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from services.training.steps import data_parallel
from services.training.steps.fit import STAGES, assist_fit, fit_models
from services.training.steps.fit_progress import Progress, ProgressReport
from services.training.steps.fit_transformer import Trainer
from tests.circle_walks import CONFIG, circle_log

CONFIGS = {
    "sampled": replace(CONFIG, transformer=replace(CONFIG.transformer, full_softmax_items=10, negatives=16)),
    # Steps of one row: of two processes one has nothing to compute.
    "one-row": replace(CONFIG, transformer=replace(CONFIG.transformer, positions_per_step=20, epochs=1)),
}


def die_in(epoch: int) -> None:
    run_epoch = Trainer.run_epoch

    def killed(self: Trainer, now: int, report: Any) -> None:
        if now == epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        run_epoch(self, now, report)

    Trainer.run_epoch = killed  # type: ignore[method-assign]


def main() -> None:
    name, folder, *dying = sys.argv[1:]
    with data_parallel.joined() as rank:
        if dying and rank == data_parallel.count() - 1:
            die_in(int(dying[0]))
        if rank > 0:
            assist_fit(circle_log(), CONFIGS[name])
            return
        said: list[Progress] = []
        report = ProgressReport(said.append, lambda: False, STAGES)
        fitted = fit_models(circle_log(), CONFIGS[name], report, Path(folder) / "transformer.pt")
        first = next(progress for progress in said[1:] if progress.stage == "transformer")
        torch.save(
            {
                "validated": dict(fitted.validated_weights),
                "weights": fitted.encoder.state_dict(),
                "metrics": fitted.metrics,
                "processes": data_parallel.count(),
                "first_fraction": first.fraction,
            },
            Path(folder) / "fitted.pt",
        )


if __name__ == "__main__":
    main()
