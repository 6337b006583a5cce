"""Numbers as a person reads them; a template calls these by name."""

from __future__ import annotations

from typing import Any


def metric(value: Any) -> str:
    """A metric in 0..1 or so: four decimals; an en dash where there is none."""
    return "–" if value is None else f"{value:.4f}"


def short(value: Any) -> str:
    """A metric where many stand side by side: three decimals."""
    return "–" if value is None else f"{value:.3f}"


def error(value: Any) -> str:
    """A standard error; empty where there is none."""
    return "" if value is None else f"± {value:.4f}"


def signed(value: Any) -> str:
    """A difference, with a true minus sign."""
    return "–" if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def percent(value: Any, decimals: int = 1) -> str:
    """A share of 1 as percent."""
    return "–" if value is None else f"{100 * value:.{decimals}f} %"


def count(value: Any) -> str:
    """A whole number with thousands apart."""
    return "–" if value is None else f"{value:,.0f}"


def seconds(value: Any) -> str:
    """Seconds, from a hundred on in minutes too."""
    if value is None:
        return "–"
    return f"{value:.1f} s" if value < 100 else f"{value:,.0f} s ({value / 60:.1f} min)"


def plain(value: Any) -> str:
    """Whatever a setting or a figure of unknown kind is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value)
    return "–" if value is None else str(value)


_ABBREVIATED = ("ndcg", "mrr", "map", "f1", "auc", "rmse", "mse", "mae")


def metric_name(name: str) -> str:
    """What a metric is called, "ndcg@10" NDCG@10."""
    plain_name, at, places = name.partition("@")
    words = plain_name.upper() if plain_name in _ABBREVIATED else plain_name.replace("_", " ").capitalize()
    return words + at + places


FILTERS = {
    "metric": metric,
    "metric_name": metric_name,
    "error": error,
    "short": short,
    "signed": signed,
    "percent": percent,
    "count": count,
    "seconds": seconds,
    "plain": plain,
}
