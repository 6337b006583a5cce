"""The dashboards and their files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tools.monitoring.dashboards.feedback import FEEDBACK
from tools.monitoring.dashboards.overview import OVERVIEW
from tools.monitoring.dashboards.panels import Dashboard, Panel, dashboard_json
from tools.monitoring.dashboards.service import SERVICE
from tools.monitoring.dashboards.training import TRAINING
from tools.monitoring.dashboards.triton import TRITON
from tools.monitoring.rules import ROOT

FOLDER = ROOT / "monitoring" / "grafana" / "dashboards"
DASHBOARDS: tuple[Dashboard, ...] = (OVERVIEW, SERVICE, TRITON, FEEDBACK, TRAINING)


def texts() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {f"{board.uid}.json": json.dumps(dashboard_json(board), indent=1) + "\n" for board in DASHBOARDS}


def panels() -> Iterator[tuple[Dashboard, Panel]]:
    """Yield every panel with its dashboard."""
    for board in DASHBOARDS:
        for row in board.rows:
            for panel in row.panels:
                yield board, panel


def plain(expression: str, interval: str = "1m") -> str:
    """Return an expression as Grafana would send it: all values of a variable, and an interval for the rate."""
    return re.sub(r"\$(?!__)\w+", ".+", expression.replace("$__rate_interval", interval))
