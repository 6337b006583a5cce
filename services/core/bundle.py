"""The bundle: one training run's outputs as one immutable directory, sealed by a manifest of SHA-256 sums.

A bundle lives at ``<bundle store>/<version>/`` where the version is a number (UTC time ``YYYYMMDDHHMMSS``)
that is also the version of its models in Triton. It is built in a draft directory beside its final place,
hashed, flushed to disk, and renamed as the last step: a directory with the final name is always whole.

Reading: ``read_manifest`` (cheap) or ``verify_bundle`` (hashes every file).
Writing: ``with build_bundle(store, version) as draft: … draft.seal(…)``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 2
MANIFEST = "manifest.json"
METRICS = "metrics.json"
ITEM_IDS = "items/ids.npy"
RANKER = "ranker"
USER_ENCODER = "user_encoder"

_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_CHUNK_BYTES = 1 << 20


class BundleError(Exception):
    """A bundle is missing, unreadable, altered or of another format. The message is one line for a person."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What the manifest promises of one file: lower-case hex SHA-256 and size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One model tensor: its name, Triton data type ("INT64", "FP32") and shape, -1 where the size is free."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One ONNX model of the bundle and what a caller must know to feed it.

    ``history_buckets`` are the lengths (ascending, the last is ``max_history``) to which histories are left
    padded with item 0. ``sources`` names the columns of ``candidate_features`` in order; ``heads`` those of
    ``scores``. Of ``shape`` -1 is free; ``vector_size`` is D of user_vectors.
    """

    path: str
    inputs: tuple[TensorEntry, ...]
    outputs: tuple[TensorEntry, ...]
    max_history: int
    history_buckets: tuple[int, ...]
    sources: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    vector_size: int = 0


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """The bundle's table of contents. ``metrics`` is the flat summary; the whole of it is in metrics.json."""

    version: str
    created_at: str
    item_count: int
    sources: tuple[str, ...]
    models: Mapping[str, ModelEntry]
    metrics: Mapping[str, float]
    files: Mapping[str, FileEntry]
    scenario_ids: tuple[str, ...] = ()
    parent: str | None = None
    format: int = FORMAT
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of manifest.json: stable key order, so equal manifests are equal bytes."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> BundleManifest:
        """Parse manifest.json. Raises BundleError if it is not a manifest of this format."""
        try:
            raw = json.loads(text)
            if raw["format"] != FORMAT:
                raise BundleError(f"bundle format {raw['format']!r} is not supported (this software reads {FORMAT})")
            return cls(
                version=_checked_version(raw["version"]),
                created_at=str(raw["created_at"]),
                item_count=int(raw["item_count"]),
                sources=tuple(raw["sources"]),
                models={name: _model_entry(entry) for name, entry in raw["models"].items()},
                metrics={name: float(value) for name, value in raw["metrics"].items()},
                files={_checked_path(name): FileEntry(**entry) for name, entry in raw["files"].items()},
                scenario_ids=tuple(raw.get("scenario_ids", ())),
                parent=raw.get("parent"),
                training=raw.get("training", {}),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{MANIFEST} is not a bundle manifest: {error!r}") from error


def new_version(now: datetime | None = None) -> str:
    """A version for a bundle built now: UTC time as ``YYYYMMDDHHMMSS``."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%d%H%M%S")


def bundle_path(store: Path, version: str) -> Path:
    """Where the bundle of that version lives. Raises BundleError for what is not a version number."""
    return store / _checked_version(version)


def list_versions(store: Path) -> list[str]:
    """Versions of the sealed bundles in the store, oldest first; drafts and other entries are left out."""
    if not store.is_dir():
        return []
    found = (entry.name for entry in store.iterdir() if _VERSION.fullmatch(entry.name))
    return sorted((name for name in found if (store / name / MANIFEST).is_file()), key=int)


def model_file(name: str) -> str:
    """Path of a model inside the bundle."""
    return f"models/{name}/model.onnx"


def read_manifest(path: Path) -> BundleManifest:
    """The manifest of the bundle directory ``path``, without hashing its files. Raises BundleError."""
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"no readable {MANIFEST} in bundle {path.name}") from error
    return BundleManifest.from_json(text)


def verify_bundle(path: Path) -> BundleManifest:
    """The manifest, after every file was hashed and found as promised, else BundleError with the first fault.

    A file that the manifest does not list is a fault too: what was not hashed must not be served.
    """
    manifest = read_manifest(path)
    present = set(_relative_files(path)) - {MANIFEST}
    for name, entry in manifest.files.items():
        if name not in present:
            raise BundleError(f"bundle {manifest.version}: {name} is missing")
        found = _entry(path / name)
        if found != entry:
            raise BundleError(f"bundle {manifest.version}: {name} was altered after it was sealed")
    if extra := sorted(present - set(manifest.files)):
        raise BundleError(f"bundle {manifest.version}: {extra[0]} is not in the manifest")
    return manifest


def read_array(path: Path, name: str) -> NDArray[Any]:
    """One ``.npy`` file of a bundle; never unpickles. Raises BundleError if it cannot be read."""
    try:
        loaded: NDArray[Any] = np.load(path / name, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleError(f"bundle {path.name}: cannot read {name}: {error}") from error
    return loaded


class BundleDraft:
    """A bundle being written: files go under ``path``; ``seal`` makes it a bundle, exactly once."""

    def __init__(self, path: Path, final_path: Path) -> None:
        self.path = path
        self.final_path = final_path
        self.sealed = False

    def file(self, name: str) -> Path:
        """The path to write the file ``name`` to; its folder exists afterwards."""
        target = self.path / _checked_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def save_array(self, name: str, array: NDArray[Any]) -> None:
        """Write one array as ``.npy`` (no pickles)."""
        np.save(self.file(name), array, allow_pickle=False)

    def save_json(self, name: str, value: object) -> None:
        """Write one JSON file with stable key order."""
        self.file(name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def seal(
        self,
        *,
        item_count: int,
        sources: tuple[str, ...],
        models: Mapping[str, ModelEntry],
        metrics: Mapping[str, float],
        scenario_ids: tuple[str, ...] = (),
        parent: str | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> BundleManifest:
        """Hash and flush every file, write the manifest last, and move the draft to its final name.

        Raises BundleError if a bundle of this version exists already: bundles are immutable.
        """
        if self.sealed:
            raise BundleError(f"bundle {self.final_path.name} is sealed already")
        if self.final_path.exists():
            raise BundleError(f"bundle {self.final_path.name} exists already; choose a new version")
        names = _relative_files(self.path)
        for name in names:
            _flush(self.path / name)
        manifest = BundleManifest(
            version=self.final_path.name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            item_count=item_count,
            sources=sources,
            models=models,
            metrics=metrics,
            files={name: _entry(self.path / name) for name in names},
            scenario_ids=scenario_ids,
            parent=parent,
            training=training or {},
        )
        target = self.path / MANIFEST
        target.write_text(manifest.to_json(), encoding="utf-8")
        _flush(target)
        self.path.rename(self.final_path)
        _flush(self.final_path.parent)
        self.sealed = True
        return manifest


@contextmanager
def build_bundle(store: Path, version: str) -> Iterator[BundleDraft]:
    """A fresh draft for ``<store>/<version>``; removed again if the block ends without sealing it."""
    final_path = bundle_path(store, version)
    draft_path = store / f"{version}.tmp-{os.getpid()}"
    shutil.rmtree(draft_path, ignore_errors=True)
    draft_path.mkdir(parents=True)
    draft = BundleDraft(draft_path, final_path)
    try:
        yield draft
    finally:
        if not draft.sealed:
            shutil.rmtree(draft_path, ignore_errors=True)


def _checked_version(version: object) -> str:
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BundleError(f"bundle version {str(version)[:40]!r} is not a number of up to 18 digits")
    return version


def _checked_path(name: str) -> str:
    # A manifest may come from elsewhere: it must not be able to name files outside its own directory.
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or name == MANIFEST:
        raise BundleError(f"{name!r} is not a file name inside a bundle")
    return name


def _model_entry(raw: Mapping[str, Any]) -> ModelEntry:
    return ModelEntry(
        path=_checked_path(raw["path"]),
        inputs=tuple(_tensor_entry(tensor) for tensor in raw["inputs"]),
        outputs=tuple(_tensor_entry(tensor) for tensor in raw["outputs"]),
        max_history=int(raw["max_history"]),
        history_buckets=tuple(int(length) for length in raw["history_buckets"]),
        sources=tuple(raw.get("sources", ())),
        heads=tuple(raw.get("heads", ())),
        vector_size=int(raw.get("vector_size", 0)),
    )


def _tensor_entry(raw: Mapping[str, Any]) -> TensorEntry:
    return TensorEntry(raw["name"], raw["dtype"], tuple(int(size) for size in raw["shape"]))


def _relative_files(path: Path) -> list[str]:
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())


def _entry(file: Path) -> FileEntry:
    digest = hashlib.sha256()
    size = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return FileEntry(digest.hexdigest(), size)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
