"""The project's own laws about its manifests. Each function returns what is wrong, a line for each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tools.k8s.deadlines import pods_end_in_time
from tools.k8s.edges import NAME
from tools.k8s.mesh import mesh_keeps_the_edges
from tools.k8s.render import Object
from tools.k8s.settings_keys import PROCESSES, keys

_WORKLOADS = {"Deployment", "StatefulSet", "Job"}


def _of(found: Iterable[Object], *kinds: str) -> Iterator[tuple[str, Object]]:
    yield from ((item["metadata"]["name"], item["spec"]) for item in found if item["kind"] in kinds)


def selectors_match(found: list[Object]) -> list[str]:
    """Services, budgets, workloads and policies select pods that exist; a workload selects its own."""
    pods = {name: spec["template"]["metadata"]["labels"] for name, spec in _of(found, *_WORKLOADS)}
    problems = []
    for kind in ("Service", "PodDisruptionBudget", "Deployment", "StatefulSet"):
        for name, spec in _of(found, kind):
            labels = spec["selector"] if kind == "Service" else spec["selector"]["matchLabels"]
            if not any(labels.items() <= of_pod.items() for of_pod in pods.values()):
                problems.append(f"{kind} {name} selects no pod")
            elif name in pods and not labels.items() <= pods[name].items():
                problems.append(f"{kind} {name} selects the pods of another")
    known = {labels[NAME] for labels in pods.values()}
    for kind in ("NetworkPolicy", "PodMonitor"):
        for name, spec in _of(found, kind):
            for stray in sorted(_named(spec) - known):
                problems.append(f"{kind} {name} names {stray}, and there is no such pod")
    return problems


def _named(part: Any) -> set[str]:
    """Return every pod name that selectors anywhere in a spec ask for."""
    if isinstance(part, list):
        return {name for entry in part for name in _named(entry)}
    if not isinstance(part, dict):
        return set()
    own = set(part.get("values", [])) if part.get("key") == NAME else set()
    if NAME in part.get("matchLabels", {}):
        own.add(part["matchLabels"][NAME])
    return own | {name for value in part.values() for name in _named(value)}


def references_exist(found: list[Object]) -> list[str]:
    """Service accounts, claims, priorities and mounted volumes are there."""
    problems = []
    names = {(item["kind"], item["metadata"]["name"]) for item in found}
    for name, spec in _of(found, *_WORKLOADS):
        pod = spec["template"]["spec"]
        wanted = {("ServiceAccount", pod["serviceAccountName"]), ("PriorityClass", pod["priorityClassName"])}
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in volumes.values()]
        wanted |= {("PersistentVolumeClaim", claim) for claim in claims if claim}
        problems += [f"{name} refers to {kind} {other}, which is not there" for kind, other in sorted(wanted - names)]
        mounted = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        problems += [f"{name}: volume {stray} is mounted or defined alone" for stray in mounted ^ volumes.keys()]
    return problems


def ports_exist(found: list[Object]) -> list[str]:
    """Ports of probes, Services and monitors are ports of the container."""
    problems, ports = [], {}
    for name, spec in _of(found, *_WORKLOADS):
        for container in spec["template"]["spec"]["containers"]:
            own = {entry["name"]: entry["containerPort"] for entry in container.get("ports", [])}
            ports[spec["template"]["metadata"]["labels"][NAME]] = own
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                if kind not in container:
                    if not name.startswith("migrate"):
                        problems.append(f"{name} has no {kind}")
                    continue
                for way in ("grpc", "httpGet", "tcpSocket"):
                    port = container[kind].get(way, {}).get("port")
                    if port is not None and port not in own and port not in own.values():
                        problems.append(f"{name}: {kind} asks port {port}, which the container has not")
    for name, spec in _of(found, "Service"):
        for entry in spec["ports"]:
            if entry["targetPort"] not in ports.get(spec["selector"][NAME], {}):
                problems.append(f"Service {name}: port {entry['targetPort']} is none of its pods'")
    for name, spec in _of(found, "PodMonitor"):
        for pod in spec["selector"]["matchExpressions"][0]["values"]:
            if any(entry["port"] not in ports.get(pod, {}) for entry in spec["podMetricsEndpoints"]):
                problems.append(f"PodMonitor {name}: {pod} has no such port")
    return problems


def replicas_agree(found: list[Object]) -> list[str]:
    """A budget always lets one pod go; what scales has no fixed number and two pods at least, of a kind that exists."""
    problems = []
    workloads = dict(_of(found, "Deployment", "StatefulSet"))
    for name, spec in _of(found, "PodDisruptionBudget"):
        if spec.get("maxUnavailable") != 1 or "minAvailable" in spec:
            problems.append(f"PodDisruptionBudget {name} could keep a node from draining; use maxUnavailable: 1")
        if name not in workloads:
            problems.append(f"PodDisruptionBudget {name} guards nothing")
    for name, spec in _of(found, "HorizontalPodAutoscaler", "ScaledObject"):
        target = spec["scaleTargetRef"]["name"]
        least = int(spec.get("minReplicas") or spec.get("minReplicaCount") or 0)
        most = int(spec.get("maxReplicas") or spec.get("maxReplicaCount") or 0)
        if target not in workloads:
            problems.append(f"{name} scales {target}, which is not there")
        elif "replicas" in workloads[target]:
            problems.append(f"{target} has a fixed number of replicas and is scaled too")
        if not 2 <= least < most:
            problems.append(f"{name}: between {least} and {most} replicas")
    return problems


def environment_is_settings(found: list[Object]) -> list[str]:
    """Every TROMMEL_* of a manifest is a setting, and every setting that one machine's default would spoil is set."""
    problems = []
    for name, spec in _of(found, "Deployment", "Job"):
        if name not in PROCESSES:
            continue
        known, entries = keys(name), spec["template"]["spec"]["containers"][0].get("env", [])
        given = {entry["name"] for entry in entries if entry["name"].startswith("TROMMEL_")}
        problems += [f"{name} sets {key}, which it does not know" for key in sorted(given - known.keys())]
        problems += [f"{name} does not set {key}" for key, needed in known.items() if needed and key not in given]
        for entry in entries:
            secret = any(word in entry["name"] for word in ("DATABASE_URL", "REDIS_URL", "KEY", "PASSWORD"))
            if secret and "value" in entry and not entry["name"].endswith("TLS_KEY"):
                problems.append(f"{name}: {entry['name']} stands in the manifest; refer to a Secret")
    return problems


def pods_are_restricted(found: list[Object]) -> list[str]:
    """Pod Security "restricted", and what goes beyond it."""
    problems = []
    for name, spec in _of(found, *_WORKLOADS):
        pod = spec["template"]["spec"]
        context = pod["securityContext"]
        checks = {
            "runs as a number that is not root": context.get("runAsNonRoot") is True
            and context.get("runAsUser", 0) > 0,
            "seccomp RuntimeDefault": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "no service account token": pod.get("automountServiceAccountToken") is False,
            "a service account of its own": pod.get("serviceAccountName") == name,
            "a priority": bool(pod.get("priorityClassName")),
        }
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            own = container.get("securityContext", {})
            resources = container.get("resources", {})
            checks |= {
                "drops all capabilities": own.get("capabilities") == {"drop": ["ALL"]},
                "no more privileges": own.get("allowPrivilegeEscalation") is False,
                "root is read-only": own.get("readOnlyRootFilesystem") is True,
                "requests and limits": all(
                    {"cpu", "memory"} <= resources.get(k, {}).keys() for k in ("requests", "limits")
                ),
                "an image with a tag": ":" in container["image"].rpartition("/")[2]
                and ":latest" not in container["image"],
            }
        problems += [f"{name}: not so: {what}" for what, holds in checks.items() if not holds]
    return problems


LAWS = (
    selectors_match,
    references_exist,
    ports_exist,
    replicas_agree,
    environment_is_settings,
    pods_end_in_time,
    pods_are_restricted,
    mesh_keeps_the_edges,
)
