"""Secrets of this process are struck out of what it says: passwords of its URLs, keys, headers for the collector."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from urllib.parse import unquote

_STRUCK = "***"
# Shorter ones would strike out ordinary words.
_SHORTEST = 4
_NAMES = ("PASSWORD", "SECRET", "KEY", "TOKEN")
_URL_PASSWORD = re.compile(r"://[^:@/?#]*:(.+)@")
# In libpq's own form, and behind the question mark of a URL.
_NAMED_PASSWORD = re.compile(r"password=([^&\s]+)")
_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")


def redacted(text: str) -> str:
    """Return a text without the secrets of this process's environment, whether quoted for a URL or for JSON or not."""
    pattern = _secrets()
    return text if pattern is None else pattern.sub(_STRUCK, text)


@lru_cache(maxsize=1)
def _secrets() -> re.Pattern[str] | None:
    found: set[str] = set()
    for name, value in os.environ.items():
        if name in _HEADERS:
            found.update(pair.partition("=")[2].strip() for pair in value.split(","))
        elif not name.startswith("TROMMEL_"):
            continue
        elif password := _URL_PASSWORD.search(value) or _NAMED_PASSWORD.search(value):
            found.add(password[1])
            # Not quoted for a URL, what follows an @ is taken for the host, and told as that.
            if after := password[1].partition("@")[2]:
                found.add(f"{after}@")
        elif any(word in name for word in _NAMES) and not name.startswith("TROMMEL_TLS_"):
            found.add(value)
    forms = {form for secret in found for form in (secret, unquote(secret))}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    # The longest first: one may begin with another.
    wanted = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, wanted))) if wanted else None
