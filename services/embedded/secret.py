"""Passwords of the embedded PostgreSQL and Redis: other users of the machine can reach loopback ports too."""

from __future__ import annotations

import secrets
from pathlib import Path

from services.embedded.data_directory import write_private
from services.embedded.stack_error import StackError


def password(path: Path) -> str:
    """The password in the file (mode 0600); made on first need. Hexadecimal: safe in URLs and files."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = secrets.token_hex(24)
        write_private(path, text + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"cannot read the password in {path} ({error})", "restore the file") from None
    if not text.isalnum():
        raise StackError(f"{path} does not hold a password made by Trommel", "restore the file")
    return text
