"""One look for all plots: drawn by matplotlib, put into the page as SVG that follows its colours and fonts.

Colours are drawn as stand-ins and replaced by the page's CSS variables, so that a plot is dark where the page is; text
stays text. Equal figures give equal bytes.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, QUIET, GRID, OURS = "#010101", "#010102", "#010103", "#010104"
"""Stand-ins for text, lesser text, grid lines and the list that the page is about."""
SERIES = ("#010110", "#010111", "#010112", "#010113", "#010114", "#010115", "#010116", "#010117")
"""Stand-ins for the others, in the order of the sources; beyond them the colours start anew."""

_VARIABLES = {INK: "ink", QUIET: "quiet", GRID: "rule", OURS: "ours"} | {
    color: f"series-{place}" for place, color in enumerate(SERIES)
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
"""Series differ in their markers too: not everybody tells colours apart, and paper may have none."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 9,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": GRID,
    "xtick.labelcolor": QUIET,
    "ytick.color": GRID,
    "ytick.labelcolor": QUIET,
}


class Plot:
    """A figure that is being drawn; ``svg`` is there when its context is left."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = Markup("")

    def axes(self, columns: int = 1) -> list[Axes]:
        """Axes side by side."""
        made = self.figure.subplots(1, columns, squeeze=False)
        return list(made[0])


@contextmanager
def plot(name: str, alternative: str, width: float, height: float) -> Iterator[Plot]:
    """Draw a plot.

    Args:
        name: Unique in the page; its ids begin with it.
        alternative: What it shows, for whoever cannot see it.
        width: In inches of 72 points; the page scales it.
        height: The same.
    """
    # No pyplot: that keeps figures alive and looks for a display.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        made = Plot(Figure(figsize=(width, height), layout="constrained"))
        made.figure.patch.set_visible(False)
        yield made
        for axes in made.figure.axes:
            axes.patch.set_visible(False)
        stream = io.StringIO()
        FigureCanvasSVG(made.figure).print_svg(stream, metadata={"Date": None})  # type: ignore[no-untyped-call]
    made.svg = Markup(_inlined(stream.getvalue(), name, alternative))  # noqa: S704 - text in it is escaped by matplotlib


def _inlined(drawn: str, name: str, alternative: str) -> str:
    """The SVG element for use inside HTML: no addresses, ids of its own, the page's colours and font."""
    body = drawn[drawn.index("<svg") :]
    opening, body = body.split(">", 1)
    view_box = re.search(r'viewBox="([^"]*)"', opening)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body).replace("url(#", f"url(#{name}-")
    body = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font: \1 var(--font)", body)
    for color, variable in _VARIABLES.items():
        body = body.replace(color, f"var(--{variable})")
    label = html.escape(alternative, quote=True)
    return f'<svg role="img" aria-label="{label}" viewBox="{view_box[1] if view_box else ""}">{body}'.strip()
