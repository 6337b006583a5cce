"""The plan of a run: what must not change when another worker goes on with it. Kept beside its checkpoint."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from services.core.bundle import BundleError, bundle_path, new_version
from services.plumbing.bundle_pointer import read_pointer

_FOLDER = ".runs"
_PLAN = "plan.json"
_VERSION_WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class RunPlan:
    """version: of the bundle to write. parent: bundle whose weights it starts from, empty when from nothing."""

    version: str
    parent: str


def run_folder(store: Path, run_id: str) -> Path:
    """Return the folder for what a run keeps until it has ended; it lies in the store, for any worker to find."""
    # Run ids are callers' words: with this in front even ".." is a plain name.
    return store / _FOLDER / f"run-{run_id}"


def plan_run(store: Path, run_id: str, *, warm_start: bool) -> RunPlan:
    """Return the run's plan, made now unless an earlier worker made it.

    Raises:
        OSError: The store cannot be written.
    """
    folder = run_folder(store, run_id)
    known = _read_plan(folder)
    if known is not None:
        return known
    plan = RunPlan(_unused_version(store), _active_version(store) if warm_start else "")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _PLAN
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(plan)), "utf-8")
    draft.replace(path)
    return plan


def forget_run(store: Path, run_id: str) -> None:
    """Remove what the run kept: its folder, and what fitting left beside the bundle."""
    folder = run_folder(store, run_id)
    plan = _read_plan(folder)
    if plan is not None:
        for left in (*store.glob(f"{plan.version}.work"), *store.glob(f"{plan.version}.tmp-*")):
            shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _read_plan(folder: Path) -> RunPlan | None:
    try:
        raw = json.loads((folder / _PLAN).read_text("utf-8"))
        version = str(raw["version"])
        bundle_path(folder, version)
        return RunPlan(version, str(raw["parent"]))
    except (OSError, ValueError, KeyError, TypeError, BundleError):
        return None


def _unused_version(store: Path) -> str:
    # Versions are whole seconds: two runs that begin in one of them must wait for the next.
    while (bundle_path(store, version := new_version())).exists():
        time.sleep(_VERSION_WAIT_SECONDS)
    return version


def _active_version(store: Path) -> str:
    try:
        pointer = read_pointer(store)
    except ValueError:
        return ""
    return pointer.version if pointer is not None and (store / pointer.version).is_dir() else ""
