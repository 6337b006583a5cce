"""What the watch over Triton concludes from what it sees."""

from __future__ import annotations

from pathlib import Path

from services.embedded.triton_http import refused_in
from services.embedded.triton_watch import set_aside, stubs_of


def _entry(name: str, version: str, state: str, reason: str = "") -> dict[str, str]:
    return {"name": name, "version": version, "state": state, "reason": reason}


def test_a_refused_version_counts_where_nothing_of_its_model_is_served() -> None:
    index = [
        _entry("ranker", "1", "UNAVAILABLE", "unloaded"),
        _entry("ranker", "2", "UNAVAILABLE", "Internal: InvalidProtobuf"),
        _entry("user_encoder", "1", "READY"),
        _entry("user_encoder", "2", "UNAVAILABLE", "Internal: InvalidProtobuf"),
    ]
    assert refused_in(index) == [("ranker", "2")]


def test_a_model_that_is_loading_or_was_never_loaded_is_left_alone() -> None:
    loading = [_entry("ranker", "1", "LOADING"), _entry("ranker", "2", "UNAVAILABLE", "Internal: broken")]
    assert refused_in(loading) == []
    assert refused_in([{"name": "ranker"}]) == []
    assert refused_in([]) == []


def test_what_is_set_aside_is_kept_but_not_seen(tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        (tmp_path / "ranker" / "2").mkdir(parents=True)
        (tmp_path / "ranker" / "2" / "model.onnx").write_text(attempt)
        set_aside(tmp_path, ("ranker", "2"))
    assert [path.name for path in (tmp_path / "ranker").iterdir()] == [".refused-2"]
    assert (tmp_path / "ranker" / ".refused-2" / "model.onnx").read_text() == "second"
    set_aside(tmp_path, ("ranker", "3"))  # gone meanwhile


def test_stubs_are_told_by_their_command_line(tmp_path: Path) -> None:
    def process(pid: str, parent: int, state: str, *words: str) -> None:
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(f"{pid} (a) b) {state} {parent} 1 1")
        (tmp_path / pid / "cmdline").write_bytes("\0".join(words).encode() + b"\0")

    stub = "backends/python/triton_python_backend_stub"
    process("10", 5, "S", stub, "repository/ranker/20240101000000/model.onnx", "x")
    process("11", 5, "Z", stub, "repository/user_encoder/20240101000000/model.onnx", "x")
    process("12", 6, "S", stub, "repository/ranker/20250101000000/model.onnx", "x")
    process("13", 5, "S", "/bin/other", "repository/ranker/20260101000000/model.onnx")
    (tmp_path / "self").mkdir()
    assert stubs_of(5, tmp_path) == {("ranker", "20240101000000")}
