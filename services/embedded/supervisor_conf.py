"""supervisord's configuration. Every path in it is relative to `<data>/run`, where supervisord runs.

So no character of that path needs quoting. supervisord makes its Unix socket's path absolute, and such a path has
at most 107 bytes: `/proc/self/cwd` is a short absolute name of the directory it runs in.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable

from services.embedded.programs import Program

SOCKET = "supervisor.sock"
PID_FILE = "supervisord.pid"
FILE = "supervisord.conf"

_HEAD = """\
[supervisord]
nodaemon = true
silent = true
identifier = trommel
pidfile = {pid_file}
logfile = ../logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
childlogdir = ../logs
umask = 077
{user}
[unix_http_server]
file = /proc/self/cwd/{socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# Started by name, in order, by `up`; restarted by supervisord whenever one ends by itself, a second later
# each time. killasgroup: what a program leaves behind when its stop wait is over goes with it.
_PROGRAM = """
[program:{name}]
command = {command}
autostart = false
autorestart = true
startretries = 30
startsecs = {steady_seconds}
stopsignal = {stop_signal}
stopwaitsecs = {stop_wait_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = ../logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


def render(programs: Iterable[Program], *, python: str = sys.executable) -> str:
    """The text of supervisord.conf."""
    # supervisord asks root to say so.
    user = "user = root\n" if os.geteuid() == 0 else ""
    sections = [_HEAD.format(pid_file=PID_FILE, socket=SOCKET, user=user)]
    for program in programs:
        command = shlex.join((python, "-P", "-m", "services.embedded.launch", program.name))
        sections.append(
            _PROGRAM.format(
                name=program.name,
                command=command.replace("%", "%%"),
                steady_seconds=program.steady_seconds,
                stop_signal=program.stop_signal,
                stop_wait_seconds=program.stop_wait_seconds,
            )
        )
    return "".join(sections)
