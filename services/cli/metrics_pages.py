"""Metrics pages: fetched and read."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping

_TIMEOUT_SECONDS = 3.0
_LARGEST_BYTES = 16 << 20

Samples = Mapping[str, list[tuple[Mapping[str, str], float]]]
"""Labels and value of every sample by its name."""


def read_metrics(url: str) -> Samples | None:
    """Return the samples of a Prometheus page, or None where none answers."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - a page on loopback
            text = answer.read(_LARGEST_BYTES).decode("utf-8", "replace")
        samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return samples


def total(samples: Samples | None, name: str) -> float:
    """Return the sum of a metric over its labels; 0 where it is not there. Counters end in _total."""
    return sum(value for _, value in (samples or {}).get(name, ()))
