"""A Prometheus of the drill's own, and what is asked of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.monitoring.drill.shortened_rules import write_shortened
from tools.monitoring.rules import PROMETHEUS, read_yaml

_USUAL_BASE = 7100
_START_SECONDS = 30.0


class Prometheus:
    """A client of one Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, **values: object) -> Any:
        """Return the data of an answer of the HTTP API. Raises OSError, and ValueError for a query that is refused."""
        query = urllib.parse.urlencode(values).encode() if values else None
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}", query, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            told = json.loads(error.read() or b"{}").get("error", error.reason)
            raise ValueError(f"{values}: {told}") from None

    def value(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the series of an expression now."""
        return [(found["metric"], float(found["value"][1])) for found in self.ask("query", query=expression)["result"]]

    def firing(self) -> set[str]:
        """Return the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def fired(self, start: float, end: float) -> dict[str, tuple[float, float]]:
        """Return, for each alert that fired between two times, when it was seen first and last (seconds since 1970)."""
        found: dict[str, tuple[float, float]] = {}
        answer = self.ask("query_range", query='ALERTS{alertstate="firing"}', start=start, end=end, step=1)
        for series in answer["result"]:
            name = series["metric"]["alertname"]
            times = [float(at) for at, _ in series["values"]]
            first, last = found.get(name, (times[0], times[-1]))
            found[name] = (min(first, times[0]), max(last, times[-1]))
        return found


@contextmanager
def running_prometheus(folder: Path, port: int, port_base: int, factor: float) -> Iterator[Prometheus]:
    """Run Prometheus with the shortened rules beside a stack while the context is open.

    Raises:
        RuntimeError: It is not installed or does not start; the text says what to do.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise RuntimeError("prometheus is not installed: apt-get install prometheus")
    write_shortened(folder / "rules", factor)
    _write_configuration(folder, port_base)
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--query.lookback-delta=15s",
                "--log.level=warn",
            ],
            stdout=output,
            stderr=output,
        )
    client = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                client.ask("status/buildinfo")
                break
            except (OSError, ValueError):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"prometheus does not start: {log.read_text()[-300:]}") from None
                time.sleep(0.2)
        yield client
    finally:
        process.terminate()
        process.wait()


def _write_configuration(folder: Path, port_base: int) -> None:
    """Write the checked-in configuration with this stack's ports and a scrape a second."""
    import yaml

    content = read_yaml(PROMETHEUS / "prometheus.yaml")
    content["global"] = {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"}
    for job in content["scrape_configs"]:
        for static in job["static_configs"]:
            ports = [int(target.rpartition(":")[2]) - _USUAL_BASE for target in static["targets"]]
            static["targets"] = [f"127.0.0.1:{port_base + offset}" for offset in ports]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
