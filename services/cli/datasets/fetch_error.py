"""One place gave nothing; another may."""

from __future__ import annotations


class FetchError(Exception):
    """A data set did not come from one of its places. The text is one line."""
