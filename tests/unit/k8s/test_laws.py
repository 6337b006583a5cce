"""The laws of the manifests find what breaks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.k8s import laws
from tools.k8s.edges import allowed, documented
from tools.k8s.settings_keys import PROCESSES, keys

pytestmark = pytest.mark.unit

_NAME = "app.kubernetes.io/name"


def _deployment(name: str = "feedback", **changes: Any) -> dict[str, Any]:
    container = {
        "name": name,
        "image": "x/y:1",
        "ports": [{"name": "grpc", "containerPort": 1}],
        "env": [
            *({"name": key, "valueFrom": {}} for key, needed in keys(name).items() if needed),
            {"name": "TROMMEL_DRAIN_SECONDS", "value": "60"},
        ],
        "startupProbe": {"grpc": {"port": 1}},
        "readinessProbe": {"grpc": {"port": 1}},
        "livenessProbe": {"grpc": {"port": 1}},
    }
    pod = {"containers": [container | changes], "terminationGracePeriodSeconds": 90}
    labels = {_NAME: name}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _other(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "feedback"}, "spec": spec}


def test_a_good_deployment_breaks_none_of_these() -> None:
    found = [_deployment()]
    assert laws.selectors_match(found) + laws.ports_exist(found) + laws.environment_is_settings(found) == []
    assert laws.pods_end_in_time(found) == []


def test_findings() -> None:
    good = _deployment()
    stray = _other("Service", {"selector": {_NAME: "nobody"}, "ports": []})
    assert laws.selectors_match([good, stray]) == ["Service feedback selects no pod"]
    assert laws.ports_exist([_deployment(livenessProbe={"grpc": {"port": 2}})])
    stiff = _other("PodDisruptionBudget", {"minAvailable": 1, "selector": {}})
    assert laws.replicas_agree([good, stiff])
    scaled = {"scaleTargetRef": {"name": "feedback"}, "minReplicas": 2, "maxReplicas": 4}
    assert laws.replicas_agree([good, _other("HorizontalPodAutoscaler", scaled)]) == [
        "feedback has a fixed number of replicas and is scaled too"
    ]
    slow = _deployment(env=[{"name": "TROMMEL_DRAIN_SECONDS", "value": "90"}])
    assert laws.pods_end_in_time([slow]) == ["feedback is killed after 90 s, and may work for 95 s and then closes"]
    hasty = _deployment(env=[{"name": "TROMMEL_DRAIN_SECONDS", "value": "10"}])
    assert laws.pods_end_in_time([hasty]) == ["feedback: its drain of 10 s cuts off a call that may take 41.5 s"]
    assert "feedback sets TROMMEL_DRIAN, which it does not know" in laws.environment_is_settings(
        [_deployment(env=[{"name": "TROMMEL_DRIAN", "value": "1"}])]
    )
    assert "feedback does not set TROMMEL_DATABASE_URL" in laws.environment_is_settings([_deployment(env=[])])
    shown = [{"name": "TROMMEL_DATABASE_URL", "value": "postgresql://u:p@h/d"}]
    assert any("refer to a Secret" in line for line in laws.environment_is_settings([_deployment(env=shown)]))


def test_keys_are_those_that_the_settings_read() -> None:
    from services.feedback.settings import FeedbackSettings
    from services.training.settings import TrainingServerSettings, WorkerSettings

    for process, settings in (
        ("feedback", FeedbackSettings),
        ("training-api", TrainingServerSettings),
        ("training-worker", WorkerSettings),
    ):
        assert keys(process).keys() == {f"TROMMEL_{name.upper()}" for name in settings.model_fields}
    assert keys("migrate").keys() == {"TROMMEL_DATABASE_URL", "TROMMEL_MIGRATE_WAIT_SECONDS"}
    assert len(PROCESSES) == 6


def test_an_edge_needs_both_ends(tmp_path: Path) -> None:
    a, b = _deployment("feedback"), _deployment("ranking")
    peer = {"podSelector": {"matchLabels": {_NAME: "feedback"}}}
    rule = {"to": [peer], "ports": [{"port": 7103}]}
    policy = _other("NetworkPolicy", {"podSelector": {"matchLabels": {_NAME: "ranking"}}, "egress": [rule]})
    edges, problems = allowed([a, b, policy])
    assert edges == {("ranking", "feedback", 7103)}
    assert "ranking to feedback:7103: one end alone allows it" in problems
    assert any("denies" in line for line in problems)
    page = tmp_path / "page.md"
    page.write_text("<!-- edges -->\n| f | t | p | w |\n|-|-|-|-|\n| a, b | c | 1 | x |\n<!-- /edges -->")
    assert documented(page) == {("a", "c", 1), ("b", "c", 1)}
