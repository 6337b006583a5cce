"""Runs a command as an ordinary user: PostgreSQL refuses to run as root.

    python -m services.embedded.unprivileged userns -- command…      in a user namespace (nothing changes on disk)
    python -m services.embedded.unprivileged user NAME -- command…   as an existing user

The process becomes the command (exec): its pid, name and signals are the command's.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import sys
from pathlib import Path

from services.embedded.stack_error import StackError

_CLONE_NEWUSER = 0x10000000
# Any number but 0 will do: it names nobody outside the namespace.
_MAPPED_ID = 1000
_FALLBACK_USERS = ("postgres", "nobody")


def prefix(binary: Path, data: Path) -> tuple[str, ...]:
    """What to put before a PostgreSQL command: nothing, unless this process is root's.

    Args:
        binary: a program that has to be runnable that way.
        data: the folder it owns; handed to the user that the command will run as.

    Raises:
        StackError: root, and neither way works here.
    """
    if os.geteuid() != 0:
        return ()
    start = (sys.executable, "-P", "-m", "services.embedded.unprivileged")
    namespace = (*start, "userns", "--")
    if _runs((*namespace, str(binary), "--version")):
        _own(data, 0, 0)
        return namespace
    for name in _FALLBACK_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid == 0:
            continue
        as_user = (*start, "user", name, "--")
        if _runs((*as_user, "/usr/bin/env", "test", "-x", str(data.parent))) and _runs(
            (*as_user, str(binary), "--version")
        ):
            _own(data, user.pw_uid, user.pw_gid)
            return as_user
    raise StackError(
        "PostgreSQL does not run as root, user namespaces are not available here, and no ordinary user "
        f"({' or '.join(_FALLBACK_USERS)}) can reach {data}",
        "run this as an ordinary user, or set TROMMEL_DATABASE_URL to a PostgreSQL of yours",
    )


def _runs(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _own(folder: Path, user: int, group: int) -> None:
    if not folder.exists() or folder.stat().st_uid == user:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not available")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_MAPPED_ID} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{_MAPPED_ID} {group} 1")


def _become(name: str) -> None:
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def main(arguments: list[str]) -> None:
    """Becomes the command after `--`; exits with 126 and one line where the change of user is refused."""
    split = arguments.index("--")
    way, command = arguments[:split], arguments[split + 1 :]
    try:
        if way == ["userns"]:
            _enter_namespace()
        else:
            _become(way[1])
        os.execvp(command[0], command)  # noqa: S606 - exec is the point
    except (OSError, KeyError) as error:
        sys.stderr.write(f"cannot run {command[0]} as an ordinary user: {error}\n")
        sys.exit(126)


if __name__ == "__main__":
    main(sys.argv[1:])
