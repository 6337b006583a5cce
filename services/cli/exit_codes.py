"""Exit codes that scripts can trust; every command uses these and no others."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

EPILOG = "Exit codes: 0 done, 1 failed (one line on standard error says why), 2 wrong usage, 130 interrupted."
