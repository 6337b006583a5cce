"""`python -m tools.k8s.prometheus_rule`: writes the PrometheusRule out of monitoring/prometheus/rules/*.yaml.

The rules are written once, for Prometheus with or without its operator. Without any there is no object: an empty one
would look like alerts that never fire.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.k8s.render import K8S, ROOT

RULES = ROOT / "monitoring" / "prometheus" / "rules"
COMPONENT = K8S / "components" / "prometheus-operator"
_HEAD = "# Written by `python -m tools.k8s.prometheus_rule` out of monitoring/prometheus/rules.\n"


def rule_text(rules: Path) -> str:
    """Return the object with all groups of all files, as YAML.

    Raises:
        ValueError: There is no rule; the text says where they are looked for.
    """
    import yaml

    groups = [
        group
        for file in sorted(rules.glob("*.yaml"))
        for group in (yaml.safe_load(file.read_text()) or {}).get("groups") or []
    ]
    names = [group["name"] for group in groups]
    if not any(group.get("rules") for group in groups):
        raise ValueError(f"there are no rules in {'/'.join(rules.parts[-3:])}; nothing is written")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the operator wants each group once, and these are named twice: {', '.join(twice)}")
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "trommel"}}
    return _HEAD + str(yaml.safe_dump(rule | {"spec": {"groups": groups}}, sort_keys=False, width=120))


def rule_problems(rules: Path = RULES, component: Path = COMPONENT) -> list[str]:
    """Return what is wrong with the component: rules that are missing, old or not named."""
    written, kustomization = component / "rules.yaml", (component / "kustomization.yaml").read_text()
    named = "rules.yaml" in kustomization
    if not list(rules.glob("*.yaml")):
        print("  no rules in monitoring/prometheus/rules: the component holds monitors alone")
        return ["rules.yaml is there, and the rules that it was written from are not"] if written.exists() else []
    try:
        wanted = rule_text(rules)
    except ValueError as error:
        return [str(error)]
    if not written.exists() or written.read_text() != wanted or not named:
        return ["rules.yaml is not what monitoring/prometheus/rules makes; run python -m tools.k8s.prometheus_rule"]
    return []


def main() -> None:
    """Write the object and name it in the component's kustomization.yaml."""
    try:
        text = rule_text(RULES)
    except ValueError as error:
        sys.exit(f"prometheus_rule: {error}")
    (COMPONENT / "rules.yaml").write_text(text)
    kustomization = COMPONENT / "kustomization.yaml"
    old = kustomization.read_text()
    kustomization.write_text(old.replace("resources: [monitors.yaml]", "resources: [monitors.yaml, rules.yaml]"))


if __name__ == "__main__":
    main()
