from __future__ import annotations

from pathlib import Path

import pytest

from services.core.bundle import BundleError, BundleManifest, build_bundle, read_manifest
from services.core.bundle_copy import copy_bundle

VERSION = "20260101120000"


def seal(store: Path, text: str = "one") -> BundleManifest:
    with build_bundle(store, VERSION) as draft:
        draft.file("part/file.txt").write_text(text)
        return draft.seal(item_count=0, sources=(), models={}, metrics={})


def test_a_bundle_comes_whole_and_once(tmp_path: Path) -> None:
    manifest = seal(tmp_path / "elsewhere")
    store = tmp_path / "store"
    assert copy_bundle(tmp_path / "elsewhere" / VERSION, store) == (manifest, True)
    assert read_manifest(store / VERSION) == manifest
    assert (store / VERSION / "part" / "file.txt").read_text() == "one"
    assert copy_bundle(tmp_path / "elsewhere" / VERSION, store) == (manifest, False)
    assert [entry.name for entry in store.iterdir()] == [VERSION]


def test_an_altered_bundle_leaves_nothing_behind(tmp_path: Path) -> None:
    seal(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / VERSION / "part" / "file.txt").write_text("two")
    with pytest.raises(BundleError, match="was altered"):
        copy_bundle(tmp_path / "elsewhere" / VERSION, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_another_bundle_of_the_version_stays(tmp_path: Path) -> None:
    seal(tmp_path / "elsewhere")
    before = seal(tmp_path / "store", "other")
    with pytest.raises(BundleError, match="another bundle of version 20260101120000"):
        copy_bundle(tmp_path / "elsewhere" / VERSION, tmp_path / "store")
    assert read_manifest(tmp_path / "store" / VERSION) == before


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        copy_bundle(tmp_path, tmp_path / "store")
