"""Gate: whether a new bundle may go live by itself. It is measured on held-out events, never on what it learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping

MODEL_METRIC = "ranker/ndcg@10"
BASELINE_METRIC = "popularity/ndcg@10"


def reason_to_refuse(metrics: Mapping[str, float]) -> str:
    """Return why a bundle with these validation metrics must not go live by itself, one line; empty if it may."""
    for name in (MODEL_METRIC, BASELINE_METRIC):
        if name not in metrics:
            return f"its {name} was not measured"
    broken = sorted(name for name, value in metrics.items() if not math.isfinite(value))
    if broken:
        return f"its {broken[0]} is not a finite number"
    model, baseline = metrics[MODEL_METRIC], metrics[BASELINE_METRIC]
    if model <= baseline:
        return f"its NDCG@10 on held-out events, {model:.4f}, does not beat popularity's {baseline:.4f}"
    return ""
