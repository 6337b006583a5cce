"""Triton's own Python environment: the server's wheel, numpy 1 and onnxruntime, in a venv of its own.

Its Python backend returns empty tensors with numpy 2, which Trommel itself uses; hence two environments, as
there are two containers in a cluster. Made on first need from requirements/triton.lock, and made again when
the lock or the Python version changes, or when a build was cut short.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError
from services.embedded.stack_status import Progress

LOCK_FILE = Path(__file__).parents[2] / "requirements" / "triton.lock"
# numpy 1 has wheels up to Python 3.12.
PYTHON_VERSIONS = ((3, 11), (3, 12))
_STAMP = "trommel-lock.sha256"
_BUILD_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class TritonEnvironment:
    """A complete environment and where the parts of the server lie in it."""

    directory: Path
    site_packages: Path
    python_library_directory: Path

    @property
    def server(self) -> Path:
        """The server's binary."""
        return self.site_packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"

    @property
    def python_backend(self) -> Path:
        """The folder of its Python backend."""
        return self.site_packages / "pytriton" / "tritonserver" / "backends" / "python"

    @property
    def stub(self) -> Path:
        """The Python backend's process for this Python version."""
        version = self.site_packages.parent.name.removeprefix("python")
        stubs = self.site_packages / "pytriton" / "tritonserver" / "python_backend_stubs"
        return stubs / version / "triton_python_backend_stub"

    @property
    def libraries(self) -> Path:
        """The shared libraries that came with it."""
        return self.site_packages / "nvidia_pytriton.libs"


def is_complete(settings: StackSettings) -> bool:
    """Whether the environment is there and made from this lock."""
    try:
        return (settings.triton_environment / _STAMP).read_text() == _fingerprint()
    except OSError:
        return False


def ensure(settings: StackSettings, on_progress: Progress) -> TritonEnvironment:
    """The environment, made first where needed (the first time takes about half a minute and the network).

    Raises:
        StackError: this machine or Python cannot run it, or the packages cannot be installed.
    """
    check_platform()
    directory = settings.triton_environment
    if not is_complete(settings):
        with _building(directory):
            if not is_complete(settings):  # another process may have built it while this one waited
                _build(directory, on_progress)
    site_packages = directory / "lib" / f"python{_version()}" / "site-packages"
    return TritonEnvironment(directory, site_packages, _python_library_directory())


def check_platform() -> None:
    """Raises StackError where the embedded Triton cannot run."""
    elsewhere = "set TROMMEL_TRITON_URL to a Triton of yours"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise StackError(f"the embedded Triton runs on Linux x86_64, not {platform.machine()}", elsewhere)
    if sys.version_info[:2] not in PYTHON_VERSIONS:
        wanted = " or ".join(f"{major}.{minor}" for major, minor in PYTHON_VERSIONS)
        raise StackError(
            f"the embedded Triton needs Python {wanted}, this is {_version()}",
            f"make the environment with one of these, or {elsewhere}",
        )
    _python_library_directory()


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _python_library_directory() -> Path:
    """The folder of libpython, which Triton's Python stub is linked against."""
    name = f"libpython{_version()}.so.1.0"
    folders = [Path(str(sysconfig.get_config_var("LIBDIR") or "")), Path(sys.base_prefix) / "lib"]
    folders += [Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"), Path("/usr/local/lib")]
    for folder in folders:
        if (folder / name).exists():
            return folder
    raise StackError(
        f"{name} is not on this machine, Triton's Python backend needs it",
        f"install libpython{_version()} (Debian: apt install libpython{_version()}), or a Python built with "
        "--enable-shared",
    )


def _fingerprint() -> str:
    return hashlib.sha256(LOCK_FILE.read_bytes() + sys.version.encode()).hexdigest()


@contextmanager
def _building(directory: Path) -> Iterator[None]:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory.with_name(directory.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except OSError as error:
        raise StackError(
            f"cannot write Triton's environment {directory} ({error.strerror})", "set TROMMEL_TRITON_ENV_DIR"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _build(directory: Path, on_progress: Progress) -> None:
    if directory.exists() and not (directory / "pyvenv.cfg").is_file() and any(directory.iterdir()):
        raise StackError(f"{directory} is not a Python environment", "set TROMMEL_TRITON_ENV_DIR to a free path")
    on_progress(f"making Triton's environment in {directory} (once, about half a minute)")
    shutil.rmtree(directory, ignore_errors=True)
    _run((sys.executable, "-m", "venv", str(directory)))
    python = str(directory / "bin" / "python")
    on_progress("installing Triton, numpy and onnxruntime into it")
    # Everything is pinned in the lock: the Triton wheel's own requirements are for its Python API, unused here.
    _run((python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(LOCK_FILE)))
    (directory / _STAMP).write_text(_fingerprint())


def _run(command: tuple[str, ...]) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV"}
    }
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"making Triton's environment failed ({error})", "run it again") from None
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()] or ["no message"]
        said = next((line for line in reversed(lines) if "ERROR" in line or "Error" in line), lines[-1])
        raise StackError(
            f"making Triton's environment failed ({said.strip()})",
            "check the network and the disk and run it again, or set TROMMEL_TRITON_URL",
        )
