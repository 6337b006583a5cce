"""How long each process may still work after SIGTERM: the code's own deadlines, beside what the manifests grant."""

from __future__ import annotations

import ast
import re

from tools.k8s.render import ROOT, Object
from tools.k8s.settings_keys import PROCESSES, keys, number

# What one RPC, or the end of a run, may wait for one after the other: settings by key, other limits by file and name.
_CHAINS: dict[str, tuple[tuple[str, ...], ...]] = {
    # A caller may grant an answer this much; without a word it is the setting.
    "candidates": (("protos/trommel/candidates/v1/candidates.proto:time_budget",), ("TROMMEL_TIME_BUDGET_SECONDS",)),
    "ranking": (("protos/trommel/ranking/v1/ranking.proto:time_budget",), ("TROMMEL_TIME_BUDGET_SECONDS",)),
    # The last try may begin when the patience ends.
    "feedback": (
        (
            "TROMMEL_FEEDBACK_STREAM_PATIENCE_SECONDS",
            "services/feedback/event_store.py:_CONNECTION_SECONDS",
            "services/feedback/event_store.py:_STATEMENT_SECONDS",
            "TROMMEL_FEEDBACK_REDIS_TIMEOUT_SECONDS",
        ),
    ),
    # ActivateBundle: the lock of another activation, then LoadModel.
    "training-api": (
        ("services/training/steps/activate.py:_LOCK_WAIT_SECONDS", "TROMMEL_TRITON_LOAD_SECONDS"),
        ("services/training/run_queue.py:_SEND_SECONDS",),
    ),
    # The end of a run: patience, the last activation, the last word in the database.
    "training-worker": (
        (
            "services/training/steps/go_live.py:_ATTEMPTS_SECONDS",
            "services/training/steps/activate.py:_LOCK_WAIT_SECONDS",
            "TROMMEL_TRITON_LOAD_SECONDS",
            "services/training/run_lease.py:_FINAL_WRITE_SECONDS",
        ),
    ),
    "migrate": (("TROMMEL_MIGRATE_WAIT_SECONDS", "services/plumbing/migrate.py:_LOCK_WAIT_SECONDS"),),
}
# What comes after the drain.
_AFTER = {"ranking": ("services/ranking/stages/impression_recorder.py:_DRAIN_SECONDS",)}
# What comes between the delay and the drain of a server.
_LATE = "services/plumbing/server.py:_LATE_SECONDS"
CLOSING_SECONDS = 5.0  # pools, channels, the interpreter
# Settings in seconds that no end of a process waits for: pauses, ages, parts of a budget above, and what a worker
# that is asked to stop cuts short.
_NO_WAIT = {
    *("TROMMEL_MAX_CONNECTION_AGE_SECONDS", "TROMMEL_DRAIN_DELAY_SECONDS", "TROMMEL_DRAIN_SECONDS"),
    *("TROMMEL_CATALOG_POLL_SECONDS", "TROMMEL_START_WAIT_SECONDS", "TROMMEL_SOURCE_BUDGET_SECONDS"),
    *("TROMMEL_HISTORY_TIMEOUT_SECONDS", "TROMMEL_HISTORY_STORE_TIMEOUT_SECONDS", "TROMMEL_CANDIDATES_TIMEOUT_SECONDS"),
    *("TROMMEL_RANKER_TIMEOUT_SECONDS", "TROMMEL_RANKER_RESERVE_SECONDS", "TROMMEL_FEEDBACK_PATIENCE_SECONDS"),
    *("TROMMEL_FEEDBACK_STREAM_LINGER_SECONDS", "TROMMEL_FEEDBACK_HISTORY_TTL_SECONDS"),
    *("TROMMEL_SLATE_LINGER_SECONDS", "TROMMEL_RECONCILE_SECONDS", "TROMMEL_LEASE_SECONDS", "TROMMEL_MAX_RUN_SECONDS"),
    "TROMMEL_TEXTS_WAIT_SECONDS",
}


def unknown_waits(process: str) -> list[str]:
    """Return the settings in seconds that this file does not know: each is a wait or none, and must be said so."""
    named = {key for chain in _CHAINS[process] for key in chain} | _NO_WAIT
    return sorted(key for key in keys(process) if key.endswith("_SECONDS") and key not in named)


def longest_wait(process: str, env: dict[str, str]) -> float:
    """Return the seconds of the longest chain of waits of a process, as its manifest sets them."""
    return max(sum(_seconds(process, key, env) for key in chain) for chain in _CHAINS[process])


def late_clients_wait(process: str) -> float:
    """Return the seconds for which a server may wait for clients who notice late that it ends; 0 for what is none."""
    return _seconds(process, _LATE, {}) if "TROMMEL_DRAIN_DELAY_SECONDS" in keys(process) else 0.0


def _seconds(process: str, key: str, env: dict[str, str]) -> float:
    if ":" not in key:
        return float(env.get(key) or number(process, key))
    path, _, name = key.partition(":")
    if path.endswith(".proto"):
        text = (ROOT / path).read_text()
        bounds = re.findall(rf"Duration {name} = \d+ \[.*?lte: \{{seconds: (\d+)\}}", text, re.DOTALL)
        return max(map(float, bounds))
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return float(ast.literal_eval(node.value))
    raise KeyError(f"{path} has no {name}; say in tools/k8s/deadlines.py what bounds it now")


def pods_end_in_time(found: list[Object]) -> list[str]:
    """A server drains for as long as its longest call may take, and no pod is killed before its end."""
    problems = []
    for item in found:
        name, spec = item["metadata"]["name"], item["spec"] if item["kind"] in {"Deployment", "Job"} else None
        if spec is None:
            continue
        pod = spec["template"]["spec"]
        container, grace = pod["containers"][0], float(pod.get("terminationGracePeriodSeconds", 30))
        env = {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}
        if name == "triton":
            problems += _triton(container, grace)
        if name not in PROCESSES:
            continue
        problems += [f"{name}: say in tools/k8s/deadlines.py what {key} bounds" for key in unknown_waits(name)]
        wait = longest_wait(name, env)
        if item["kind"] == "Job":
            if spec.get("activeDeadlineSeconds", 0) <= wait * 2:
                problems.append(f"{name} is ended before it could try twice for {wait:g} s")
            continue
        drain = float(env.get("TROMMEL_DRAIN_SECONDS") or 0)
        delay = float(env.get("TROMMEL_DRAIN_DELAY_SECONDS") or 0)
        if name != "training-worker" and drain < wait:
            problems.append(f"{name}: its drain of {drain:g} s cuts off a call that may take {wait:g} s")
        late = late_clients_wait(name)
        work = delay + late + max(drain, wait) + sum(_seconds(name, key, env) for key in _AFTER.get(name, ()))
        if grace < work + CLOSING_SECONDS:
            problems.append(f"{name} is killed after {grace:g} s, and may work for {work:g} s and then closes")
    return problems


def _triton(container: Object, grace: float) -> list[str]:
    words = dict(word.removeprefix("--").partition("=")[::2] for word in container.get("args", []))
    asleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if grace <= asleep + float(words.get("exit-timeout-secs", 30)):
        return [f"triton is killed after {grace:g} s, before its requests in flight end"]
    return []
