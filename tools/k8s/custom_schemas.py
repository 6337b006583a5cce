"""Objects of operators against the schemas of their own definitions, with keys that those do not know refused.

The schemas come from the packages cloudcoil-models-istio, -keda and -prometheus-operator, which are generated from the
operators' CustomResourceDefinitions (Istio 1.24, KEDA 2.16, Prometheus operator 0.80). KEDA's definition leaves the
metadata of a trigger open: its keys are those of KEDA's documentation of the Prometheus scaler.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from tools.k8s.render import Object

_MODULES = {
    "security.istio.io/v1": "cloudcoil.models.istio.security.v1",
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}
_PROMETHEUS_NEEDED = {"serverAddress", "query", "threshold"}
_PROMETHEUS_KNOWN = _PROMETHEUS_NEEDED | {
    *("activationThreshold", "namespace", "customHeaders", "ignoreNullValues", "queryParameters"),
    *("unsafeSsl", "timeout", "authModes"),
}


def is_custom(item: Object) -> bool:
    """Whether an object's kind is none of Kubernetes' own."""
    group = item["apiVersion"].rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def custom_problems(found: Iterable[Object]) -> list[str]:
    """Return what the schemas say against the objects of operators, a line for each finding."""
    problems: list[str] = []
    for item in found:
        if not is_custom(item):
            continue
        name = f"{item['kind']} {item['metadata']['name']}"
        validator = _validator(item["apiVersion"], item["kind"])
        if validator is None:
            problems.append(f"{name}: no schema knows {item['apiVersion']}")
            continue
        lines = dict.fromkeys(line for error in validator.iter_errors(item) for line in _lines(error))
        problems += [f"{name}: {line}" for line in lines]
        problems += [f"{name}: {line}" for line in _triggers(item)]
    return problems


def _triggers(item: Object) -> list[str]:
    lines = []
    for trigger in item["spec"].get("triggers", []) if item["kind"] == "ScaledObject" else []:
        given = trigger.get("metadata", {}).keys()
        if trigger.get("type") != "prometheus" or not _PROMETHEUS_NEEDED <= given <= _PROMETHEUS_KNOWN:
            lines.append(f"a trigger is not what KEDA's Prometheus scaler takes: {', '.join(sorted(given))}")
    return lines


def _lines(error: Any) -> list[str]:
    """Go down to what fails inside an anyOf: every optional field is one, of its schema and null."""
    if error.validator == "anyOf":
        inner = [deep for deep in error.context if deep.validator_value != "null"]
        return [line for deep in inner for line in _lines(deep)]
    return [f"{'.'.join(map(str, error.absolute_path)) or 'the object'}: {error.message[:200]}"]


@cache
def _validator(version: str, kind: str) -> Any:
    from jsonschema import Draft202012Validator

    if version not in _MODULES:
        return None
    model = getattr(importlib.import_module(_MODULES[version]), kind, None)
    if model is None:
        return None
    schema = strict(model.model_json_schema(by_alias=True))
    # An object says what it is; the model's defaults do not fill that in.
    return Draft202012Validator(schema | {"required": ["apiVersion", "kind", "metadata", "spec"]})


def strict(schema: Any) -> Any:
    """Return a JSON schema in which an object takes no property that it does not name."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    # A property may itself be called "properties": only a schema of an object has a type beside it.
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    if str(closed.get("pattern", "")).startswith("^(?i)"):  # Go's way to write it; Python wants the flag in front
        closed["pattern"] = "(?i)^" + closed["pattern"].removeprefix("^(?i)")
    return closed
