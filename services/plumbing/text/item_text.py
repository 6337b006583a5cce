"""What the text encoder reads of an item: the same words in serving, training and measuring."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from services.plumbing.text.clean_text import clean_text


def item_text(title: str, categories: Sequence[str], text: str) -> str:
    """Title, categories and description as sentences; empty where there is neither title nor description.

    Categories alone are no text: the content space knows them as what they are.
    """
    if not clean_text(title, text):
        return ""
    return clean_text(title, ", ".join(categories), text)


def text_digest(text: str) -> str:
    """A short digest by which an unchanged text is recognised."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
