"""What the checks make of other tools' reports, of compose.yaml and of rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.k8s.checkov_run import report_problems
from tools.k8s.compose_config import service_problems
from tools.k8s.custom_schemas import is_custom, strict
from tools.k8s.memory import measured, memory_problems
from tools.k8s.mutations import GONE, _broken
from tools.k8s.settings_keys import PROCESSES, keys

pytestmark = pytest.mark.unit


def _record(file: str, comment: str = "") -> dict[str, Any]:
    return {
        "check_id": "CKV_1",
        "check_name": "be good",
        "resource": "Deployment.trommel.x",
        "file_path": f"/{file}",
        "check_result": {"suppress_comment": comment},
    }


def test_checkov_must_have_looked_at_every_workload() -> None:
    files = ["000-deployment-x.yaml", "001-deployment-x.yaml", "002-networkpolicy-x.yaml"]
    report = {"results": {"passed_checks": [_record(files[0])]}}
    assert report_problems(report, files) == ["checkov did not look at 001-deployment-x.yaml"]
    report["results"]["passed_checks"].append(_record(files[1]))
    assert report_problems(report, files) == []
    assert report_problems({}, []) == ["checkov was given no workload"]


def test_checkovs_findings_and_exceptions_without_a_reason_are_findings() -> None:
    files = ["000-deployment-x.yaml"]
    failed, bare = _record(files[0]), _record(files[0])
    reasoned = _record(files[0], "because of this")
    report = {"results": {"failed_checks": [failed], "skipped_checks": [bare, reasoned]}}
    assert report_problems(report, files) == [
        "CKV_1 Deployment.trommel.x (000-deployment-x.yaml): be good",
        "CKV_1 Deployment.trommel.x is skipped without a reason",
    ]


def _service(name: str, **changes: Any) -> dict[str, Any]:
    environment = {key: "x" for key, needed in keys(name).items() if needed}
    if "TROMMEL_DRAIN_SECONDS" in keys(name):
        environment["TROMMEL_DRAIN_SECONDS"] = "190"
    service = {"build": {"target": name}, "read_only": True, "cap_drop": ["ALL"], "environment": environment}
    return service | {"stop_grace_period": "10m0s"} | changes


def test_services_of_compose() -> None:
    good = {name: _service(name) for name in PROCESSES}
    assert service_problems(good) == []
    for wrong, text in (
        (_service("feedback", read_only=False), "feedback is not hardened"),
        (_service("feedback", build={"target": "ranking"}), "not built from its target"),
        (_service("feedback", environment={"TROMMEL_X": 1}), "feedback sets TROMMEL_X, which it does not know"),
        (_service("feedback", stop_grace_period=None), "feedback is killed after 10 s, and may work for 195 s"),
        (_service("feedback", depends_on={"nobody": {}}), "feedback depends on nobody"),
    ):
        assert any(text in line for line in service_problems(good | {"feedback": wrong}))
    assert "compose.yaml has no service ranking" in service_problems(
        {name: service for name, service in good.items() if name != "ranking"}
    )


def test_a_strict_schema_closes_objects_and_nothing_else() -> None:
    schema = {
        "type": "object",
        "properties": {"properties": {"type": "string"}, "labels": {"type": "object", "additionalProperties": True}},
        "$defs": {"Inner": {"type": "object", "properties": {"a": {"pattern": "^(?i)(x)?$"}}}},
    }
    closed = strict(schema)
    assert closed["additionalProperties"] is False
    assert closed["$defs"]["Inner"]["additionalProperties"] is False
    assert closed["$defs"]["Inner"]["properties"]["a"]["pattern"] == "(?i)^(x)?$"
    assert closed["properties"]["labels"]["additionalProperties"] is True
    assert "additionalProperties" not in closed["properties"]


def test_kinds_of_operators_are_told_from_kubernetes_own() -> None:
    own = ("v1", "apps/v1", "policy/v1", "networking.k8s.io/v1")
    assert not any(is_custom({"apiVersion": version}) for version in own)
    assert is_custom({"apiVersion": "keda.sh/v1alpha1"})


def test_a_break_leaves_the_rendering_as_it_was() -> None:
    found = [{"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [1, 2]}}]
    assert _broken(found, "Service", "a", ("spec", "ports", 0), GONE) == [
        {"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [2]}}
    ]
    assert _broken(found, "Service", "a", (), GONE) == []
    assert _broken(found, "Service", "b", (), GONE) is None
    assert found[0]["spec"] == {"ports": [1, 2]}


def test_rules_become_one_object_or_an_error(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    from tools.k8s.prometheus_rule import rule_problems, rule_text

    component = tmp_path / "component"
    component.mkdir()
    (component / "kustomization.yaml").write_text("resources: [monitors.yaml]")
    assert rule_problems(tmp_path / "none", component) == []
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text("groups: []")
    with pytest.raises(ValueError, match="there are no rules"):
        rule_text(rules)
    (rules / "a.yaml").write_text("groups: [{name: g, rules: [{record: r, expr: '1'}]}]")
    assert "kind: PrometheusRule" in rule_text(rules)
    assert rule_problems(rules, component) != []
    (component / "rules.yaml").write_text(rule_text(rules))
    (component / "kustomization.yaml").write_text("resources: [monitors.yaml, rules.yaml]")
    assert rule_problems(rules, component) == []
    (rules / "b.yaml").write_text("groups: [{name: g, rules: [{record: s, expr: '1'}]}]")
    with pytest.raises(ValueError, match="named twice: g"):
        rule_text(rules)


def test_memory_is_asked_for_as_the_docs_say(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- memory -->\n| p | m | r | l |\n|-|-|-|-|\n| a | 100 | 256Mi | 1Gi |\n<!-- /memory -->")
    table = measured(page)

    def item(request: str, limit: str) -> dict[str, Any]:
        container = {"resources": {"requests": {"memory": request}, "limits": {"memory": limit}}}
        spec = {"template": {"spec": {"containers": [container]}}}
        return {"kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}

    assert memory_problems([item("256Mi", "1Gi")], table, exact=True) == []
    assert memory_problems([item("1Gi", "1Gi")], table, exact=False) == []
    assert memory_problems([item("1Gi", "1Gi")], table, exact=True) == [
        "a has 1Gi/1Gi of memory, the table in the docs says 256Mi/1Gi"
    ]
    assert "measured to hold 100 MiB" in memory_problems([item("128Mi", "1Gi")], table, exact=False)[0]
