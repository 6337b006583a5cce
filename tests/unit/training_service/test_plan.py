from __future__ import annotations

import pytest

from services.plumbing.bundle_pointer import write_pointer
from services.training.steps.plan import forget_run, plan_run, run_folder


def test_a_resumed_run_keeps_its_version_and_parent(tmp_path):
    (tmp_path / "20240101000000").mkdir()
    write_pointer(tmp_path, "20240101000000")
    plan = plan_run(tmp_path, "r", warm_start=True)
    assert plan.parent == "20240101000000"
    write_pointer(tmp_path, "20240101000001")
    assert plan_run(tmp_path, "r", warm_start=True) == plan


def test_no_parent_without_warm_start_or_without_its_files(tmp_path):
    write_pointer(tmp_path, "20240101000000")
    assert plan_run(tmp_path, "a", warm_start=True).parent == ""
    (tmp_path / "20240101000000").mkdir()
    assert plan_run(tmp_path, "b", warm_start=False).parent == ""


def test_versions_of_two_runs_differ_once_the_first_bundle_is_there(tmp_path):
    first = plan_run(tmp_path, "a", warm_start=False)
    (tmp_path / first.version).mkdir()
    assert plan_run(tmp_path, "b", warm_start=False).version > first.version


@pytest.mark.parametrize("run_id", ["..", ".", "a", "-rf"])
def test_what_a_run_keeps_lies_in_a_folder_of_its_own(tmp_path, run_id):
    store = tmp_path / "store"
    folder = run_folder(store, run_id)
    assert folder.parent == store / ".runs"
    assert folder.resolve().parent == (store / ".runs").resolve()
    version = plan_run(store, run_id, warm_start=False).version
    kept = store / "20200101000000"
    for path in (kept, store / f"{version}.work", store / f"{version}.tmp-12"):
        path.mkdir()
    forget_run(store, run_id)
    assert sorted(entry.name for entry in store.iterdir()) == [".runs", "20200101000000"]
    assert not folder.exists()
    forget_run(store, run_id)


def test_a_torn_plan_is_made_anew(tmp_path):
    run_folder(tmp_path, "r").mkdir(parents=True)
    (run_folder(tmp_path, "r") / "plan.json").write_text('{"version": "../..", "parent": ""}')
    assert plan_run(tmp_path, "r", warm_start=False).version.isdigit()
