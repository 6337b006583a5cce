"""Publish: puts a bundle's models into Triton's repository as one more version, and takes old versions out."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from services.core.bundle import BundleManifest

_VERSION = re.compile("[0-9]+")


def publish_models(bundle: Path, manifest: BundleManifest, repository: Path, configs: Path) -> list[str]:
    """Make `<repository>/<model>/<version>/` for each model of a bundle; return the models that were not there yet.

    Files are hard links where the file system allows, else copies. A version appears whole or not at all. A
    config.pbtxt that is missing is taken from `configs`; one that is there belongs to who runs Triton.

    Raises:
        OSError: The repository cannot be written, or a model has no configuration.
    """
    added = []
    for name, entry in manifest.models.items():
        if publish_folder(bundle / Path(entry.path).parent, name, manifest.version, repository, configs):
            added.append(name)
    return added


def publish_folder(source: Path, name: str, version: str, repository: Path, configs: Path) -> bool:
    """Make `<repository>/<name>/<version>/` of a folder; return whether it was not there yet. Raises OSError."""
    model = repository / name
    model.mkdir(parents=True, exist_ok=True)
    _seed_config(model / "config.pbtxt", configs / name / "config.pbtxt")
    target = model / version
    if target.is_dir() and _same_files(source, target):
        return False
    # A name that is no number is no version to Triton, whatever it reads meanwhile.
    draft = model / f".draft-{version}"
    shutil.rmtree(draft, ignore_errors=True)
    _link_tree(source, draft)
    if target.is_dir():
        shutil.rmtree(target)
    draft.rename(target)
    return True


def withdraw_models(names: Iterable[str], version: str, repository: Path) -> None:
    """Take a version of models out of the repository.

    Triton goes on serving what it has loaded: it drops the version when it next loads the model.
    """
    for name in names:
        shutil.rmtree(repository / name / version, ignore_errors=True)


def published_versions(names: Iterable[str], repository: Path) -> set[str]:
    """Return the versions that lie in the repository of any of the models."""
    return {
        entry.name
        for name in names
        if (repository / name).is_dir()
        for entry in (repository / name).iterdir()
        if _VERSION.fullmatch(entry.name)
    }


def _seed_config(target: Path, source: Path) -> None:
    if target.is_file():
        return
    if not source.is_file():
        raise FileNotFoundError(f"model {target.parent.name} has no config.pbtxt; set TROMMEL_MODEL_CONFIGS")
    draft = target.with_name(f".config.pbtxt.{os.getpid()}")
    shutil.copyfile(source, draft)
    draft.replace(target)


def _link_tree(source: Path, target: Path) -> None:
    for file in sorted(source.rglob("*")):
        if not file.is_file():
            continue
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(file, copy)


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same file, or a copy where the file system has no hard links or is another one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _same_files(source: Path, target: Path) -> bool:
    """Whether both hold the same files by name and size: a version once published is never changed in place."""
    return _sizes(source) == _sizes(target)


def _sizes(folder: Path) -> dict[str, int]:
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
