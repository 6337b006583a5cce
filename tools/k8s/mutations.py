"""Proof that the laws can fail: one break after the other in a rendering that breaks none, and each must be seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tools.k8s.render import Object

GONE = object()
_POD = ("spec", "template", "spec")
_BOX = (*_POD, "containers", 0)

# (what a finding must say, kind, name, path, new value). An object that a rendering has not is passed over there.
BREAKS: tuple[tuple[str, str, str, tuple[str | int, ...], Any], ...] = (
    ("selects no pod", "Service", "ranking", ("spec", "selector", "app.kubernetes.io/name"), "rankings"),
    (
        "pods of another",
        "PodDisruptionBudget",
        "ranking",
        ("spec", "selector", "matchLabels"),
        {"app.kubernetes.io/name": "triton"},
    ),
    ("no such pod", "NetworkPolicy", "feedback", ("spec", "podSelector", "matchLabels", "app.kubernetes.io/name"), "x"),
    ("no such pod", "PodMonitor", "trommel", ("spec", "selector", "matchExpressions", 0, "values", 0), "x"),
    ("which is not there", "Deployment", "triton", (*_POD, "volumes", 2, "persistentVolumeClaim", "claimName"), "x"),
    ("mounted or defined alone", "Deployment", "feedback", (*_BOX, "volumeMounts", 0, "name"), "x"),
    ("asks port", "Deployment", "ranking", (*_BOX, "livenessProbe", "grpc", "port"), 7102 + 1000),
    ("has no readinessProbe", "Deployment", "candidates", (*_BOX, "readinessProbe"), GONE),
    ("is none of its pods'", "Service", "feedback", ("spec", "ports", 0, "targetPort"), "http"),
    ("has no such port", "PodMonitor", "trommel", ("spec", "podMetricsEndpoints", 0, "port"), "x"),
    ("keep a node from draining", "PodDisruptionBudget", "triton", ("spec", "maxUnavailable"), 0),
    ("guards nothing", "PodDisruptionBudget", "triton", ("metadata", "name"), "x"),
    ("is scaled too", "Deployment", "ranking", ("spec", "replicas"), 3),
    ("between 1 and", "HorizontalPodAutoscaler", "ranking", ("spec", "minReplicas"), 1),
    ("between 1 and", "ScaledObject", "ranking", ("spec", "minReplicaCount"), 1),
    ("scales x", "ScaledObject", "ranking", ("spec", "scaleTargetRef", "name"), "x"),
    ("does not know", "Deployment", "feedback", (*_BOX, "env", 0, "name"), "TROMMEL_LISTN"),
    ("does not set TROMMEL_LISTEN", "Deployment", "feedback", (*_BOX, "env", 0, "name"), "TROMMEL_LISTN"),
    (
        "refer to a Secret",
        "Job",
        "migrate",
        (*_BOX, "env", 0),
        {"name": "TROMMEL_DATABASE_URL", "value": "postgresql://u:p@h/d"},
    ),
    ("cuts off a call", "Deployment", "training-api", (*_BOX, "env", 12, "value"), "60"),
    ("is killed after", "Deployment", "training-api", (*_POD, "terminationGracePeriodSeconds"), 90),
    ("is killed after", "Deployment", "training-worker", (*_POD, "terminationGracePeriodSeconds"), 120),
    ("triton is killed after", "Deployment", "triton", (*_POD, "terminationGracePeriodSeconds"), 30),
    ("could try twice", "Job", "migrate", ("spec", "activeDeadlineSeconds"), 120),
    ("runs as a number", "Deployment", "ranking", (*_POD, "securityContext", "runAsUser"), 0),
    ("root is read-only", "Deployment", "ranking", (*_BOX, "securityContext", "readOnlyRootFilesystem"), False),
    ("drops all capabilities", "Job", "migrate", (*_BOX, "securityContext", "capabilities"), {}),
    ("requests and limits", "Deployment", "triton", (*_BOX, "resources", "limits", "memory"), GONE),
    ("was measured to hold", "Deployment", "feedback", (*_BOX, "resources", "requests", "memory"), "128Mi"),
    ("an image with a tag", "Deployment", "triton", (*_BOX, "image"), "triton:latest"),
    ("refuses what the others", "AuthorizationPolicy", "default-deny", ("spec", "selector"), {"matchLabels": {}}),
    ("not by the mesh", "AuthorizationPolicy", "feedback", ("spec", "rules", 1), GONE),
    (
        "not by network policies",
        "AuthorizationPolicy",
        "ranking",
        ("spec", "rules", 0, "to", 0, "operation", "ports"),
        ["7102", "7103"],
    ),
    ("a rule for anybody", "AuthorizationPolicy", "ranking", ("spec", "rules", 0, "from"), GONE),
    ("probes of port 7191", "NetworkPolicy", "mesh-probes", ("spec", "ingress", 0, "ports", 0), GONE),
    ("lets more in", "NetworkPolicy", "mesh", ("spec", "ingress", 0, "ports"), GONE),
    ("one end alone allows it", "NetworkPolicy", "ranking", ("spec", "egress", 0), GONE),
    ("one end alone allows it", "NetworkPolicy", "to-otel-collector", (), GONE),
    ("is documented and not allowed", "NetworkPolicy", "to-traces", (), GONE),
    ("mounted or defined alone", "Deployment", "otel-collector", (*_BOX, "volumeMounts"), []),
    ("a rule for anybody", "AuthorizationPolicy", "otel-collector", ("spec", "rules", 0, "from"), GONE),
    ("denies what the others", "NetworkPolicy", "default-deny", (), GONE),
    ("is documented and not allowed", "NetworkPolicy", "candidates", ("spec", "ingress", 1), GONE),
    ("is allowed and not documented", "NetworkPolicy", "ranking", ("spec", "ingress", 0, "ports", 0, "port"), 9),
    ("unexpected", "AuthorizationPolicy", "ranking", ("spec", "rules", 0, "form"), []),
    ("unexpected", "PodMonitor", "trommel", ("spec", "podMetricsEndpoints", 0, "intervall"), "15s"),
    ("unexpected", "PeerAuthentication", "strict", ("spec", "mtls", "mod"), "STRICT"),
    ("is not of type", "ScaledObject", "triton", ("spec", "fallback", "replicas"), "four"),
    ("Prometheus scaler", "ScaledObject", "triton", ("spec", "triggers", 0, "metadata", "treshold"), "1"),
    ("no schema knows", "PodMonitor", "trommel", ("apiVersion",), "monitoring.coreos.com/v9"),
)


def unseen_breaks(renderings: list[list[Object]], problems: Callable[[list[Object]], list[str]]) -> list[str]:
    """Return a line for each break that no law objected to in the renderings that have its object."""
    lines, tried = [], 0
    known = [set(problems(found)) for found in renderings]
    for text, kind, name, path, value in BREAKS:
        before = tried
        for found, usual in zip(renderings, known, strict=True):
            broken = _broken(found, kind, name, path, value)
            if broken is None:
                continue
            tried += 1
            if not any(text in line for line in set(problems(broken)) - usual):
                lines.append(f"nobody objects ({text}) to {kind} {name} with another {'.'.join(map(str, path))}")
        if tried == before:
            lines.append(f"no rendering has {kind} {name}")
    print(f"  {tried} breaks tried")
    return lines


def _broken(found: list[Object], kind: str, name: str, path: tuple[str | int, ...], value: Any) -> list[Object] | None:
    """Return a copy with one value changed, or None where there is no such object."""
    changed = copy.deepcopy(found)
    for number, item in enumerate(changed):
        if (item["kind"], item["metadata"]["name"]) != (kind, name):
            continue
        if not path:
            del changed[number]
            return changed
        part: Any = item
        for step in path[:-1]:
            part = part[step]
        if value is GONE:
            del part[path[-1]]
        else:
            part[path[-1]] = value
        return changed
    return None
