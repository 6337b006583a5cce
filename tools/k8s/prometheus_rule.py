"""`python -m tools.k8s.prometheus_rule`: writes the PrometheusRule out of monitoring/prometheus/rules/*.yaml."""

from __future__ import annotations

import sys

from tools.k8s.render import K8S, ROOT

RULES = ROOT / "monitoring" / "prometheus" / "rules"
TARGET = K8S / "components" / "prometheus-operator" / "rules.yaml"


def main() -> None:
    """Write all groups of all files as one object; name it in the component's kustomization.yaml once."""
    import yaml

    files = sorted(RULES.glob("*.yaml"))
    if not files:
        sys.exit(f"prometheus_rule: there are no rules in {RULES.relative_to(ROOT)}")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "trommel"}}
    TARGET.write_text(
        "# Written by tools/k8s/prometheus_rule.py.\n" + yaml.safe_dump(rule | {"spec": {"groups": groups}})
    )


if __name__ == "__main__":
    main()
