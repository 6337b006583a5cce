"""Rehearse the Dockerfile without Docker: install what each image installs, start it as it would run in a cluster.

    python -m tools.rehearse_images FOLDER [TARGET ...]

Linux and root are needed, for a file system of its own: everything read-only, /tmp alone writable, user 65532 without a
name. A server must then answer health, and end by itself at SIGTERM. Its stores are away, which no start may mind.
Images that exist in FOLDER from an earlier run are installed anew only where the lock changed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("candidates", "ranking", "feedback", "training-api", "training-worker", "migrate")
_PORT = 45_900
_STORES = {
    "TROMMEL_DATABASE_URL": "postgresql://trommel@127.0.0.1:9/trommel",
    "TROMMEL_REDIS_URL": "redis://127.0.0.1:9/0",
    "TROMMEL_TRITON_URL": "127.0.0.1:9",
    "TROMMEL_BUNDLE_STORE": "/tmp/bundles",
    "TROMMEL_MODEL_REPOSITORY": "/tmp/model_repository",
    "TROMMEL_LISTEN": f"127.0.0.1:{_PORT}",
    "TROMMEL_HEALTH_LISTEN": f"127.0.0.1:{_PORT + 1}",
    "TROMMEL_METRICS_LISTEN": f"127.0.0.1:{_PORT + 2}",
    "TROMMEL_MIGRATE_WAIT_SECONDS": "1",
}
_START_SECONDS = 90.0
_CHROOT = r"""
set -eu
root=$1; app=$2; venv=$3; shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755 rehearsal "$root"
for place in /bin /lib /lib64 /usr /etc /dev /proc $PYTHON_HOME; do
  [ -e "$place" ] || continue
  mkdir -p "$root$place"; mount --rbind "$place" "$root$place"
  [ "$place" = /proc ] || [ "$place" = /dev ] || mount -o remount,ro,bind "$root$place"
done
mkdir -p "$root/app" "$root/venv" "$root/tmp"
mount --bind "$app" "$root/app"; mount -o remount,ro,bind "$root/app"
mount --bind "$venv" "$root/venv"; mount -o remount,ro,bind "$root/venv"
mount -t tmpfs -o mode=1777 rehearsal "$root/tmp"
mount -o remount,ro "$root"
cd "$root"
exec /usr/sbin/chroot --userspec=65532:65532 --groups= "$root" /usr/bin/env -C /app "$@"
"""


def _stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage of the Dockerfile, as (word, rest)."""
    joined = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    stages: dict[str, list[tuple[str, str]]] = {}
    for line in joined.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages[rest.rpartition(" AS ")[2]] = []
        elif word.isupper() and stages:
            stages[[*stages][-1]].append((word, rest))
    return stages


def _build(target: str, folder: Path, stages: dict[str, list[tuple[str, str]]]) -> tuple[Path, Path]:
    """Carry out builder and TARGET-packages, and the copies of runtime; return the places of /app and /venv."""
    work, venv, app = folder / target / "build", folder / target / "venv", folder / target / "app"
    stamp, lock = folder / target / "lock", (ROOT / "requirements" / "trommel.lock").read_text()
    if not stamp.exists() or stamp.read_text() != lock:
        shutil.rmtree(folder / target, ignore_errors=True)
        work.mkdir(parents=True)
        for word, rest in (*stages["builder"], *stages[f"{target}-packages"]):
            if word == "COPY":
                source, place = rest.split()
                goal = work / place if not place.endswith("/") else work / place / source
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, goal)
            elif word == "RUN":
                # The environment's scripts name its place: bytecode and scripts are not used, `python -m` is.
                line = rest.replace("/venv", str(venv)).replace("python -m venv", f"{sys.executable} -m venv")
                env = os.environ | {"PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
                subprocess.run(["bash", "-euc", line], cwd=work, env=env, check=True)
        stamp.write_text(lock)
    shutil.rmtree(app, ignore_errors=True)
    app.mkdir()
    for word, rest in stages["runtime"]:
        if word == "COPY":
            source, place = rest.split()
            goal = app / place if place != "./" else app / source
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, goal, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, goal)
    return app, venv


def _environment(target: str, stages: dict[str, list[tuple[str, str]]]) -> dict[str, str]:
    env = {"PATH": "/venv/bin:/usr/bin:/bin", "PYTHON_HOME": str(Path(os.path.realpath(sys.executable)).parents[1])}
    for word, rest in (*stages["runtime"], *stages[target]):
        if word == "ENV":
            env |= {key: value for key, value in re.findall(r"(\S+)=(\S+)", rest) if key != "PATH"}
    return env | _STORES


def _start(target: str, app: Path, venv: Path, stages: dict[str, list[tuple[str, str]]]) -> subprocess.Popen[str]:
    root = app.parent / "root"
    root.mkdir(exist_ok=True)
    entry = json.loads(next(rest for word, rest in stages[target] if word == "ENTRYPOINT"))
    command = ["unshare", "--mount", "bash", "-c", _CHROOT, "rehearsal", root, app, venv, *entry]
    return subprocess.Popen(
        command, env=_environment(target, stages), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _answers(running: subprocess.Popen[str]) -> bool:
    """Whether the metrics page came up before the process ended or the time ran out; health comes before it."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{_PORT + 2}/metrics", timeout=2) as page:
                return bool(page.status == 200)
        except OSError:
            time.sleep(0.3)
    return False


def _health(venv: Path) -> str:
    """Ask the port of health with the image's own packages, as the kubelet does."""
    program = (
        "import grpc; from grpc_health.v1 import health_pb2 as m, health_pb2_grpc as s;"
        f"c = grpc.insecure_channel('127.0.0.1:{_PORT + 1}');"
        "print(m.HealthCheckResponse.ServingStatus.Name("
        "s.HealthStub(c).Check(m.HealthCheckRequest(), timeout=5).status))"
    )
    done = subprocess.run([venv / "bin" / "python", "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def rehearse(target: str, folder: Path) -> list[str]:
    """Install and start one image; print what it did and return what was wrong."""
    stages = _stages()
    began = time.monotonic()
    app, venv = _build(target, folder, stages)
    size = sum(file.stat().st_size for file in venv.rglob("*") if file.is_file() and not file.is_symlink())
    built = time.monotonic() - began
    running = _start(target, app, venv, stages)
    if target == "migrate":
        said, _ = running.communicate(timeout=_START_SECONDS)
        print(f"{target}: {size >> 20} MiB of packages in {built:.0f} s; said: {said.strip()}")
        return [] if running.returncode == 1 and "does not answer" in said else [f"{target}: {said.strip()[-400:]}"]
    up = _answers(running)
    health = _health(venv) if up and target != "training-worker" else ""
    running.send_signal(signal.SIGTERM)
    try:
        said, _ = running.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        running.kill()
        said, _ = running.communicate()
    print(f"{target}: {size >> 20} MiB of packages in {built:.0f} s; metrics {up}, health {health or '-'}, ", end="")
    print(f"ended with {running.returncode} at SIGTERM")
    problems = [] if up and health in ("SERVING", "") and running.returncode == 0 else [f"{target}: {said[-1500:]}"]
    return problems + [f"{target}: {line}" for line in said.splitlines() if "Read-only file system" in line]


def main() -> None:
    """Rehearse the targets that are named, or all; end with 1 when one did not run."""
    if len(sys.argv) < 2 or os.geteuid() != 0:
        sys.exit("usage, as root: python -m tools.rehearse_images FOLDER [TARGET ...]")
    folder = Path(sys.argv[1]).resolve()
    problems = [line for target in sys.argv[2:] or TARGETS for line in rehearse(target, folder)]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
