from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trommel.feedback.v1.feedback_pb2 import GetHistoryRequest

from tests.e2e.conftest import RunningStack

Call = Callable[..., Any]


def write_events(path: Path, rows: list[dict[str, Any]], *more: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in [*map(json.dumps, rows), *more]))
    return path


def viewings(stack: RunningStack, prefix: str, users: int, each: int) -> list[dict[str, Any]]:
    drama = stack.films.of_genre("Drama")
    return [
        {"user_id": f"{prefix}-{user}", "item_id": drama[(7 * user + step) % len(drama)], "time": 1_600_000_000 + step}
        for user in range(users)
        for step in range(each)
    ]


def test_bad_rows_lose_themselves_and_a_second_import_counts_nothing_twice(
    trommel: Call, stack: RunningStack, tmp_path: Path
) -> None:
    rows = viewings(stack, "dirty", 10, 5)
    path = write_events(tmp_path / "dirty.jsonl", rows, "{rubbish", json.dumps({**rows[0], "time": None}))
    first = trommel("data", "import", str(path), "--format", "jsonl", "--json")
    assert first.code == 0
    assert first.json["preflight"]["events"]["rejected"] == 2
    assert first.json["result"]["events"] == {"recorded": 50, "already_there": 0, "rejected": 0, "reasons": []}
    second = trommel("data", "import", str(path), "--format", "jsonl", "--json").json["result"]["events"]
    assert (second["recorded"], second["already_there"]) == (0, 50)


def test_events_of_one_moment_keep_the_order_of_the_file(trommel: Call, stack: RunningStack, tmp_path: Path) -> None:
    items = stack.films.of_genre("Musical")[:40]
    rows = [{"user_id": f"tied-{user}", "item_id": item, "time": 1_600_000_000} for item in items for user in range(60)]
    path = write_events(tmp_path / "tied.jsonl", rows)
    assert trommel("data", "import", str(path), "--format", "jsonl").code == 0
    for user in (0, 17, 59):
        history = trommel("events", "history", "--user", f"tied-{user}", "--limit", "100", "--json").json
        assert [event["item_id"] for event in history["events"]] == items[::-1]


def test_an_import_that_was_killed_goes_on_where_it_was(
    command_environment: dict[str, str], trommel: Call, stack: RunningStack, tmp_path: Path
) -> None:
    rows = viewings(stack, "killed", 400, 25)
    path = write_events(tmp_path / "killed.jsonl", rows)
    arguments = ["data", "import", str(path), "--format", "jsonl", "--json"]
    command = [sys.executable, "-m", "services.cli.app", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=command_environment
    ) as process:
        until = time.monotonic() + 60
        while not stack.feedback.GetHistory(GetHistoryRequest(user_id="killed-0", limit=1)).events:
            assert process.poll() is None, "the import was over before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.002)  # often: it must be caught while it imports
        process.kill()
    answer = trommel(*arguments).json["result"]["events"]
    assert answer["recorded"] + answer["already_there"] == len(rows)
    assert answer["already_there"] > 0
    assert answer["rejected"] == 0


def test_items_that_only_events_name_become_recommendable_and_described_ones_stay_described(
    trommel: Call, tmp_path: Path
) -> None:
    rows = [
        {"user_id": "finder", "item_id": "only-in-events", "time": 1},
        {"user_id": "finder", "item_id": "comedy-11", "time": 2},
    ]
    path = write_events(tmp_path / "bare.jsonl", rows)
    report = trommel("data", "import", str(path), "--format", "jsonl", "--json").json
    assert report["preflight"]["items_without_description"] == 2
    assert report["result"]["items"]["accepted"] == 1
    items = trommel("items", "get", "only-in-events", "comedy-11", "--json").json["items"]
    assert items[1]["title"] == "Comedy 11"


def test_what_is_held_out_is_measured_and_a_leak_is_found(trommel: Call, stack: RunningStack, tmp_path: Path) -> None:
    rows = viewings(stack, "held", 25, 6)
    path = write_events(tmp_path / "held.jsonl", rows)
    report = trommel("data", "import", str(path), "--format", "jsonl", "--holdout", "last", "--json").json
    assert report["preflight"]["held_out"] == 25
    assert report["result"]["events"]["recorded"] == 125
    predictions = tmp_path / "predictions.tsv"
    answer = trommel("evaluate", "--served", "held", "--predictions", str(predictions), "--json").json
    assert (answer["users"], answer["failed_calls"], answer["leaked_events"]) == (25, 0, 0)
    for who in ("served", "popularity"):
        assert 0 <= answer[who]["ndcg@10"] <= answer[who]["recall@10"] <= answer[who]["recall@100"] <= 1
    # Users walk along the genre's films, as those that the model was trained on do.
    assert answer["served"]["recall@100"] > 0.5
    lines = predictions.read_text().splitlines()
    assert len(lines) == 25
    assert len(lines[0].split("\t")[1].split()) == 100

    told = json.loads(Path(report["result"]["holdout_file"]).read_text().splitlines()[0])
    assert trommel("events", "add", "--user", told["user_id"], "--item", told["item_id"]).code == 0
    leaked = trommel("evaluate", "--served", "--holdout", report["result"]["holdout_file"])
    assert leaked.code == 1
    assert "1 of 25 held-out events are in their user's history" in leaked.error_line
