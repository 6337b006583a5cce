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
from dataclasses import dataclass
from pathlib import Path

from services.embedded.stack_error import StackError

_CLONE_NEWUSER = 0x10000000
# Any number but 0 will do: it names nobody outside the namespace.
_MAPPED_ID = 1000
_FALLBACK_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class OrdinaryUser:
    """The user that PostgreSQL runs as: what to put before its commands, and who must own its files."""

    prefix: tuple[str, ...]
    user_id: int
    group_id: int

    def own(self, path: Path) -> None:
        """Hands a file or a whole folder to that user, where it is another's."""
        if not path.exists() or path.stat().st_uid == self.user_id:
            return
        for each in (path, *path.rglob("*")):
            os.chown(each, self.user_id, self.group_id, follow_symlinks=False)


def ordinary_user(binary: Path, folder: Path, *, namespaces: bool = True) -> OrdinaryUser:
    """This process's own user, unless that is root: then root in a user namespace, else an existing user.

    Args:
        binary: a program that has to be runnable that way.
        folder: the data directory's part that PostgreSQL works in.
        namespaces: whether user namespaces may be used.

    Raises:
        StackError: root, and neither way works here.
    """
    if os.geteuid() != 0:
        return OrdinaryUser((), os.geteuid(), os.getegid())
    start = (sys.executable, "-P", "-m", "services.embedded.unprivileged")
    namespace = (*start, "userns", "--")
    if namespaces and _runs((*namespace, str(binary), "--version")):
        return OrdinaryUser(namespace, 0, 0)
    for name in _FALLBACK_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        as_user = (*start, "user", name, "--")
        if user.pw_uid != 0 and _runs((*as_user, str(binary), "--version")) and _let_through(folder, as_user):
            return OrdinaryUser(as_user, user.pw_uid, user.pw_gid)
    raise StackError(
        "PostgreSQL does not run as root, user namespaces are not available here, and no ordinary user "
        f"({' or '.join(_FALLBACK_USERS)}) can reach {binary} and {folder}",
        "run this as an ordinary user, or set TROMMEL_DATABASE_URL to a PostgreSQL of yours",
    )


def _let_through(folder: Path, as_user: tuple[str, ...]) -> bool:
    """Opens the data directory for passing through, not for reading; whether the user reaches the folder then."""
    if folder.is_dir():
        for each in (folder.parent, folder):
            each.chmod(0o711)
    return _runs((*as_user, "/usr/bin/env", "test", "-x", str(folder)))


def _runs(command: tuple[str, ...]) -> bool:
    try:
        done = subprocess.run(command, env=child_environment(), capture_output=True, timeout=20, check=False)
        return done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def child_environment() -> dict[str, str]:
    """This process's, with the packages of this checkout, also where it is not installed."""
    search = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in search if part)}


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
