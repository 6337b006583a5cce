"""Seconds per training epoch of Trommel's encoder beside RecTools' SASRec as shipped, in one run on the same data.

    make bench-training [DATA=path/to/sequences.txt]
    python benchmarks/training_speed.py [--data path/to/sequences.txt] [--epochs 3] [--json]

Without a path the data are drawn in the size and shape of Amazon Beauty. Each side is a process of its own and is
asked for one epoch at a time, in turns, so that all meet the same machine; the first epoch of each warms up and does
not count. Validation is not part of an epoch. Seconds of a busy machine say little, least of all for short steps on
several threads; CPU seconds, all threads together, say more there, and ``--share 0.1 --epochs 9`` takes short turns
that meet the same neighbours.

Equal on all sides: the interactions, width, blocks, heads, width of the feed-forward (RecTools: that of the model),
dropout, history, negatives, sampled softmax, threads, torch's version, and the optimiser steps of an epoch (Trommel
takes at least as many as there are batches of ``--users`` users). Not equal: RecTools pads each of a batch's users
to the whole history and draws negatives for every position, padding too; Trommel packs histories into full rows and
draws one set of negatives a step. How much the sharing is worth shows the third row, where every position has its own.
Trommel's positions are more: windows of long histories, and an empty history of each user.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from training.interactions import drawn, read_sequences, training_part  # noqa: E402


class Side:
    """One process that trains an epoch whenever it is asked."""

    def __init__(self, python: str, script: str, settings: dict[str, Any]) -> None:
        threads = {name: str(settings["threads"]) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        root = HERE.parent
        paths = {"PYTHONPATH": os.pathsep.join([str(root), str(root / "protos")])} if script == "ours.py" else {}
        self._process = subprocess.Popen(
            [python, str(HERE / "training" / script), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **threads, **paths},
        )
        self.facts = self._hear()
        self.epochs: list[dict[str, float]] = []

    def epoch(self) -> None:
        """Train one."""
        assert self._process.stdin is not None
        self._process.stdin.write("epoch\n")
        self._process.stdin.flush()
        self.epochs.append(self._hear())

    def end(self) -> None:
        """No more."""
        # Lightning hears SIGTERM only between batches, and the peer waits for a line: it would never end.
        self._process.kill()
        self._process.wait()

    def figures(self) -> dict[str, Any]:
        """What was measured, the warm-up left out."""
        counted = self.epochs[1:]
        seconds = [epoch["seconds"] for epoch in counted]
        positions = counted[-1]["positions"]
        return {
            **self.facts,
            "positions": positions,
            "seconds": [round(value, 3) for value in seconds],
            "median_seconds": round(median(seconds), 3),
            "median_cpu_seconds": round(median(epoch["cpu_seconds"] for epoch in counted), 3),
            "positions_per_second": round(positions / median(seconds)),
            "loss": counted[-1]["loss"],
        }

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args[1]} ended: its words are above")
        return json.loads(line)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="S3-Rec's sequences.txt; else drawn like Amazon Beauty")
    parser.add_argument("--peer-python", default=str(HERE.parent / ".venv-peers" / "bin" / "python"))
    defaults = {"epochs": 3, "threads": 2, "width": 64, "blocks": 1, "heads": 1, "history": 50, "users": 128}
    for name, default in {**defaults, "negatives": 256}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--hidden", type=int, help="width of our feed-forward; default: --width, as in SASRec")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of an epoch's steps; its time is scaled to a whole one"
    )
    parser.add_argument("--at-least", type=float, default=8.0, help="how many times faster is still good")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not Path(arguments.peer_python).exists():
        print(f"there is no {arguments.peer_python}: make it with make bench-training", file=sys.stderr)
        return 2
    columns = training_part(read_sequences(arguments.data) if arguments.data else drawn())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "interactions.npz"
        np.savez(path, **columns)
        names = ("threads", "width", "blocks", "heads", "history", "users", "negatives", "dropout", "share")
        settings = {name: getattr(arguments, name) for name in names}
        settings |= {"interactions": str(path), "hidden": arguments.hidden or arguments.width}
        sides: list[Side] = []
        try:
            sides.append(Side(arguments.peer_python, "peer.py", settings))
            for per_position in (False, True):
                ours = {**settings, "steps": sides[0].facts["steps"], "per_position": per_position}
                sides.append(Side(sys.executable, "ours.py", ours))
            for epoch in range(arguments.epochs + 1):
                for side in sides:
                    side.epoch()
                    print(
                        f"epoch {epoch}: {side.facts['name']}: {side.epochs[-1]['seconds']:.1f} s",
                        file=sys.stderr,
                        flush=True,
                    )
        finally:
            for side in sides:
                side.end()
    measured = [side.figures() for side in sides]
    peer, shared = measured[:2]
    for figures in measured:
        figures["times_as_fast"] = round(peer["median_seconds"] / figures["median_seconds"], 2)
    data = {
        "name": arguments.data.name if arguments.data else "drawn like Amazon Beauty",
        "users": len(np.unique(columns["users"])),
        "items": len(np.unique(columns["items"])),
        "training_interactions": len(columns["items"]),
    }
    if arguments.json:
        shown = {name: value for name, value in settings.items() if name != "interactions"}
        print(json.dumps({"data": data, "settings": shown, "sides": measured}, indent=2))
    else:
        _show(data, measured)
    return 0 if shared["times_as_fast"] >= arguments.at_least else 1


def _show(data: dict[str, Any], measured: list[dict[str, Any]]) -> None:
    print(", ".join(f"{name} {value}" for name, value in data.items()))
    heads = f"{'seconds':>8} {'CPU s':>7} {'ratio':>6} {'steps':>6} {'targets':>8} {'per second':>10} {'weights':>8}"
    print(f"{'':38} {heads}")
    for side in measured:
        print(
            f"{side['name']:38} {side['median_seconds']:8.2f} {side['median_cpu_seconds']:7.2f} "
            f"{side['times_as_fast']:6.1f} {side['steps']:6} "
            f"{side['positions']:8} {side['positions_per_second']:10} {side['parameters']:8}"
        )
    print("weights: without the item table; seconds are medians of an epoch, the ratio is that of the seconds")


if __name__ == "__main__":
    sys.exit(main())
