from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import (
    MANIFEST,
    BundleError,
    BundleManifest,
    ModelEntry,
    TensorEntry,
    build_bundle,
    bundle_path,
    list_versions,
    new_version,
    read_array,
    read_manifest,
    verify_bundle,
)


def seal(store: Path, version: str = "20240102030405") -> BundleManifest:
    with build_bundle(store, version) as draft:
        draft.save_array("items/ids.npy", np.array(["", "a", "b"]))
        draft.save_json("metrics.json", {"ndcg@10": 0.1})
        model = ModelEntry(
            path="models/ranker/model.onnx",
            inputs=(TensorEntry("history_items", "INT64", (-1, -1)),),
            outputs=(TensorEntry("scores", "FP32", (-1, -1, 1)),),
            max_history=200,
            history_buckets=(16, 200),
            sources=("popularity",),
            heads=("engage",),
            vector_size=8,
        )
        draft.file(model.path).write_bytes(b"onnx")
        return draft.seal(
            item_count=2,
            sources=("popularity",),
            models={"ranker": model},
            metrics={"ranker/ndcg@10": 0.1},
            scenario_ids=("movies/home",),
            parent="20240101000000",
        )


def test_a_sealed_bundle_is_whole_and_its_manifest_comes_back_equal(tmp_path: Path) -> None:
    sealed = seal(tmp_path)
    path = bundle_path(tmp_path, sealed.version)
    assert verify_bundle(path) == sealed == read_manifest(path)
    assert set(sealed.files) == {"items/ids.npy", "metrics.json", "models/ranker/model.onnx"}
    assert sealed.files["models/ranker/model.onnx"].bytes == 4
    assert [entry.name for entry in tmp_path.iterdir()] == [sealed.version], "no draft stays behind"


def flip_a_byte(path: Path) -> None:
    file = path / "items/ids.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (flip_a_byte, "items/ids.npy was altered"),
        (lambda path: (path / "metrics.json").unlink(), "metrics.json is missing"),
        (lambda path: (path / "models/evil.bin").write_bytes(b"x"), "models/evil.bin is not in the manifest"),
        (lambda path: (path / MANIFEST).unlink(), "no readable manifest"),
        (lambda path: (path / MANIFEST).write_text("{"), "not a bundle manifest"),
    ],
)
def test_tampering_is_found_and_named(tmp_path: Path, tamper, complaint: str) -> None:  # type: ignore[no-untyped-def]
    path = bundle_path(tmp_path, seal(tmp_path).version)
    tamper(path)
    with pytest.raises(BundleError, match=complaint):
        verify_bundle(path)


def test_a_manifest_cannot_name_files_outside_its_bundle(tmp_path: Path) -> None:
    path = bundle_path(tmp_path, seal(tmp_path).version)
    raw = json.loads((path / MANIFEST).read_text())
    raw["files"]["../secret"] = {"sha256": "0", "bytes": 0}
    (path / MANIFEST).write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="not a file name inside a bundle"):
        read_manifest(path)


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    path = bundle_path(tmp_path, seal(tmp_path).version)
    raw = json.loads((path / MANIFEST).read_text())
    raw["format"] = 99
    (path / MANIFEST).write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="format 99 is not supported"):
        read_manifest(path)


def test_a_version_is_sealed_once(tmp_path: Path) -> None:
    sealed = seal(tmp_path)
    with pytest.raises(BundleError, match="exists already"):
        seal(tmp_path, sealed.version)
    assert verify_bundle(bundle_path(tmp_path, sealed.version)) == sealed


def fail_while_building(store: Path) -> None:
    with build_bundle(store, "7") as draft:
        draft.save_array("items/ids.npy", np.zeros(3))
        raise ZeroDivisionError


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_while_building(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["", "0", "01", "a", "1.5", "../1", "1" * 19, None])
def test_a_version_is_a_number(tmp_path: Path, version: str) -> None:
    with pytest.raises(BundleError, match="is not a number"):
        bundle_path(tmp_path, version)


def test_versions_are_listed_oldest_first_and_drafts_are_not(tmp_path: Path) -> None:
    for version in ("20", "3", "100"):
        seal(tmp_path, version)
    (tmp_path / "200.tmp-1").mkdir()
    (tmp_path / "300").mkdir()
    assert list_versions(tmp_path) == ["3", "20", "100"]
    assert list_versions(tmp_path / "none") == []


def test_new_versions_are_utc_times() -> None:
    assert new_version(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)) == "20260203040506"


def test_arrays_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "bad.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BundleError, match=r"cannot read bad\.npy"):
        read_array(tmp_path, "bad.npy")
