"""The embedded NVIDIA Triton: its backends, its model repository and how it is run.

It works in `<data>/triton` with relative paths only: its Python backend starts its stub through a shell line
with these paths unquoted, so that a space in the data directory's path would break it.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import sys
import urllib.request
from pathlib import Path

from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.programs import TRITON_WATCH, Program
from services.embedded.settings import StackSettings
from services.embedded.stack_status import Progress
from services.embedded.triton_environment import TritonEnvironment, ensure

_SOURCE = Path(__file__).parents[2]
MODEL_CONFIGURATIONS = _SOURCE / "model_repository"
BACKENDS = _SOURCE / "triton_backends"


def shared_memory_prefix(root: Path) -> str:
    """How this stack's blocks in /dev/shm are called, so that a killed server's can be told and freed."""
    return f"trommel-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}-"


def program(settings: StackSettings, on_progress: Progress) -> Program:
    """Makes the environment, the backends and the model repository, and says how to run the server."""
    environment = ensure(settings, on_progress)
    directory = settings.root / "triton"
    _assemble_backends(directory / "backends", environment)
    seed_models(settings.models)
    _link(directory / "repository", settings.models)
    ports = ports_of("triton", settings.port_base)
    prefix = shared_memory_prefix(settings.root)
    command = (
        str(environment.server),
        "--model-repository=repository",
        "--backend-directory=backends",
        "--model-control-mode=explicit",
        # A model that does not load must not keep the others from serving.
        "--exit-on-error=false",
        "--exit-timeout-secs=10",
        f"--http-address={LOOPBACK}",
        f"--http-port={ports['http']}",
        "--http-thread-count=2",
        f"--grpc-address={LOOPBACK}",
        f"--grpc-port={ports['grpc']}",
        f"--metrics-address={LOOPBACK}",
        f"--metrics-port={ports['metrics']}",
        "--allow-gpu-metrics=false",
        "--pinned-memory-pool-byte-size=0",
        f"--backend-config=python,shm-region-prefix-name={prefix}",
    )
    return Program(
        "triton",
        command,
        directory,
        environment=_variables(environment),
        stop_wait_seconds=30,
        model_repository=str(settings.models),
        shared_memory_prefix=prefix,
    )


def watch_program(settings: StackSettings) -> Program:
    """Says how to run the watch over the server's models."""
    run = settings.root / "run"
    http = f"{LOOPBACK}:{ports_of('triton', settings.port_base)['http']}"
    start = (sys.executable, "-P", "-m", "services.embedded.triton_watch")
    return Program(TRITON_WATCH, (*start, str(run), http, str(settings.models)), run)


def is_live(settings: StackSettings) -> bool:
    """Whether the server answers; `/v2/health/ready` can flap while a model loads."""
    port = ports_of("triton", settings.port_base)["http"]
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/v2/health/live", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def seed_models(repository: Path) -> None:
    """Brings the checked-in config.pbtxt of every model into the repository; versions stay as they are.

    A file that is the same is left alone: Triton reloads every version of a model whose file was touched.
    """
    for source in sorted(MODEL_CONFIGURATIONS.glob("*/config.pbtxt")):
        target = repository / source.parent.name / "config.pbtxt"
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".config.pbtxt.{os.getpid()}")
        shutil.copyfile(source, temporary)
        temporary.replace(target)


def _assemble_backends(target: Path, environment: TritonEnvironment) -> None:
    """Copies, not links: Triton refuses a backend library that lies outside its backend directory."""
    draft = target.with_name("backends.draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(environment.python_backend, draft / "python", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(environment.stub, draft / "python")
    for source in sorted(BACKENDS.glob("*/model.py")):
        (draft / source.parent.name).mkdir()
        shutil.copy2(source, draft / source.parent.name)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _variables(environment: TritonEnvironment) -> dict[str, str]:
    return {
        "LD_LIBRARY_PATH": f"{environment.libraries}:{environment.python_library_directory}",
        "PATH": f"{environment.directory / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "VIRTUAL_ENV": str(environment.directory),
        # Only Triton's own packages are seen by its stubs.
        "PYTHONPATH": str(environment.site_packages),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
