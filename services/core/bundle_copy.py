"""Brings a sealed bundle from elsewhere into a store: whole, verified, and under its own version, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from services.core.bundle import BundleError, BundleManifest, bundle_path, verify_bundle


def copy_bundle(source: Path, store: Path) -> tuple[BundleManifest, bool]:
    """Copy the bundle directory ``source`` into the store; return its manifest, and whether it was not there yet.

    Raises:
        BundleError: It is no whole bundle, or the store has another one of this version.
        OSError: The store cannot be written.
    """
    manifest = verify_bundle(source)
    target = bundle_path(store, manifest.version)
    if target.exists():
        if verify_bundle(target) != manifest:
            raise BundleError(f"the store has another bundle of version {manifest.version}")
        return manifest, False
    draft = store / f"{manifest.version}.tmp-{os.getpid()}"
    store.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    try:
        shutil.copytree(source, draft)
        # What was copied is what will serve: it is hashed where it lies now.
        if verify_bundle(draft) != manifest:
            raise BundleError(f"bundle {manifest.version} changed while it was copied")
        for file in draft.rglob("*"):
            _flush(file)
        draft.rename(target)
        _flush(store)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest, True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
