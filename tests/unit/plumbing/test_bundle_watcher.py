from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from services.core.bundle import BundleManifest
from services.plumbing.bundle_pointer import write_pointer
from services.plumbing.bundle_watcher import BundleWatcher, LoadedBundles
from tests.bundle_maker import make_bundle

A, B, C = "20240101000000", "20240102000000", "20240103000000"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("bundles")
    for version in (A, B, C):
        make_bundle(store, version, item_count=30)
    return store


@pytest.fixture
def store(bundles: Path, tmp_path: Path) -> Path:
    for version in (A, B, C):
        (tmp_path / version).symlink_to(bundles / version)
    return tmp_path


def load(path: Path, manifest: BundleManifest) -> str:
    assert path.name == manifest.version
    return f"content of {manifest.version}"


def test_the_first_wanted_version_that_is_loaded_wins() -> None:
    loaded: LoadedBundles[str] = LoadedBundles()
    assert loaded.active() is None
    assert loaded.first_of(()) is None
    assert loaded.first_of((A,)) is None
    loaded.replace(((B, "b"), (A, "a")))
    assert loaded.versions == (B, A)
    assert loaded.first_of(()) == (B, "b")
    assert loaded.first_of((C, A, B)) == (A, "a")
    assert loaded.first_of((C,)) is None
    assert loaded.get(C) is None


async def test_the_active_bundle_and_the_one_before_it_are_kept(store: Path) -> None:
    watcher = BundleWatcher(store, load)
    await watcher.refresh()
    assert watcher.loaded.versions == ()
    for version, expected in ((A, (A,)), (B, (B, A)), (C, (C, B)), (B, (B, C))):
        write_pointer(store, version)
        await watcher.refresh()
        assert watcher.loaded.versions == expected
    assert watcher.loaded.get(B) == f"content of {B}"


async def test_after_a_restart_the_previous_bundle_is_known_too(store: Path) -> None:
    write_pointer(store, A)
    write_pointer(store, B)
    watcher = BundleWatcher(store, load)
    await watcher.refresh()
    assert watcher.loaded.versions == (B, A)


async def test_a_previous_bundle_that_is_gone_does_not_matter(store: Path) -> None:
    write_pointer(store, A)
    write_pointer(store, B)
    (store / A).unlink()
    watcher = BundleWatcher(store, load)
    await watcher.refresh()
    assert watcher.loaded.versions == (B,)


async def test_a_bundle_that_is_not_ready_changes_nothing_until_it_is(store: Path) -> None:
    is_ready = asyncio.Event()

    loads: list[str] = []

    def load_and_tell(path: Path, manifest: BundleManifest) -> str:
        loads.append(path.name)
        return load(path, manifest)

    async def ready(version: str, _: str) -> None:
        if version == B and not is_ready.is_set():
            raise RuntimeError("the model does not answer")

    write_pointer(store, A)
    async with BundleWatcher(store, load_and_tell, ready).following(interval_seconds=0.01) as loaded:
        assert loaded.versions == (A,)
        write_pointer(store, B)
        await asyncio.sleep(0.2)
        assert loaded.versions == (A,)
        is_ready.set()
        await until(lambda: loaded.versions == (B, A))
    assert loads == [A, B], "read once, however often it was not ready"


async def test_a_pointer_to_nothing_or_garbage_changes_nothing(store: Path) -> None:
    write_pointer(store, A)
    async with BundleWatcher(store, load).following(interval_seconds=0.01) as loaded:
        write_pointer(store, "20990101000000")
        await asyncio.sleep(0.1)
        assert loaded.versions == (A,)
        (store / "active.json").write_text("{")
        await asyncio.sleep(0.1)
        assert loaded.versions == (A,)
        write_pointer(store, C)
        await until(lambda: loaded.versions == (C, A))


async def test_following_starts_without_any_bundle(tmp_path: Path) -> None:
    async with BundleWatcher(tmp_path / "missing", load).following(interval_seconds=0.01) as loaded:
        assert loaded.active() is None


async def until(is_true: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came true")
