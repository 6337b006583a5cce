"""Names in PromQL: which metrics an expression reads, and which labels it asks them for."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+-?\w+")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*(?:\(([^)]*)\))?")
_SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)?\s*\{(?P<matchers>[^}]*)\}")
_NAME = re.compile(r"(?<![\w:.$])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = frozenset({"and", "or", "unless", "bool", "inf", "nan"})


def metrics_in(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    text = _GROUPING.sub(" ", _RANGE.sub(" ", re.sub(r"\{[^}]*\}", " ", _STRING.sub('""', expression))))
    return {name for name in _NAME.findall(text) if name.lower() not in _WORDS}


def selectors_in(expression: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each name that has matchers, with the labels that these name."""
    for found in _SELECTOR.finditer(_STRING.sub('""', expression)):
        if found["name"]:
            yield found["name"], _LABEL.findall(found["matchers"])
