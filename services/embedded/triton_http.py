"""What the watch asks of Triton over HTTP. Standard library only."""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict

Version = tuple[str, str]

_LOAD_TIMEOUT_SECONDS = 120.0


def is_called_ready(endpoint: str, version: Version) -> bool:
    """Whether Triton calls the (model, version) ready; False where it does not answer."""
    url = f"http://{endpoint}/v2/models/{version[0]}/versions/{version[1]}/ready"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def refused_versions(endpoint: str) -> list[Version]:
    """The versions that could not be loaded, of models of which therefore none is served.

    Raises:
        OSError: Triton does not answer (yet).
    """
    request = urllib.request.Request(f"http://{endpoint}/v2/repository/index", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - always http
        return refused_in(json.loads(answer.read()))


def refused_in(index: list[dict[str, str]]) -> list[Version]:
    """The same, from Triton's repository index."""
    models: dict[str, list[dict[str, str]]] = defaultdict(list)
    for entry in index:
        models[entry["name"]].append(entry)
    return [
        (name, entry["version"])
        for name, entries in sorted(models.items())
        if not any(entry.get("state") in {"READY", "LOADING"} for entry in entries)
        for entry in entries
        if entry.get("version", "").isdigit() and entry.get("reason", "") not in {"", "unloaded"}
    ]


def load(endpoint: str, model: str) -> bool:
    """Asks for the model's versions to be loaded; whether that succeeded."""
    url = f"http://{endpoint}/v2/repository/models/{model}/load"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data=b"{}", method="POST"), timeout=_LOAD_TIMEOUT_SECONDS
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
