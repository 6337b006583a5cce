"""What the suite chose by itself for this data, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.evaluation.report_page.titles import title

_BLENDS = {
    "off": "none: the Transformer's score alone",
    "sum": "a weighted sum of the Transformer's score and the sources'",
    "network": "a small network over the Transformer's score, the sources' and the length of the history",
}


def choices(training: Mapping[str, Any], item_count: int) -> list[dict[str, str]]:
    """Rows of "what", "chosen" and "by". training: facts of the run as the bundle's manifest keeps them."""
    config = training.get("config", {})
    transformer = config.get("transformer", {})
    rows: list[tuple[str, str, str]] = []
    if transformer:
        full = item_count <= transformer["full_softmax_items"] or not transformer["negatives"]
        softmax = "over all items" if full else f"over {transformer['negatives']:,} sampled items"
        rows += [
            ("History that is read", f"newest {transformer['max_history']} items", "length of 99 % of the histories"),
            ("Dropout", f"{transformer['dropout']:.2f}", "interactions per item"),
            ("Learning rate", f"{transformer['learning_rate']:.4f}", "interactions per item"),
            ("Softmax of the loss", softmax, "number of items"),
        ]
    if config.get("sources"):
        rows.append(("Sources", ", ".join(title(name) for name in config["sources"]), "what the data has"))
    if "best_epoch" in training:
        most = f" of at most {transformer['epochs']}" if transformer else ""
        rows.append(("Epoch", f"{training['best_epoch']} ({training['epochs']} trained{most})", "validation NDCG@10"))
    blend = training.get("blend", {})
    if blend:
        tried = ", ".join(f"{kind} {value:.4f}" for kind, value in blend.get("ndcg", {}).items())
        rows.append(("Blend", _BLENDS.get(blend["kind"], blend["kind"]), f"validation NDCG@10: {tried}"))
    return [{"what": what, "chosen": chosen, "by": by} for what, chosen, by in rows]


def flattened(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Every setting by its dotted name."""
    found: list[tuple[str, Any]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += flattened(value, f"{before}{name}.")
        else:
            found.append((f"{before}{name}", value))
    return found
