"""The edges that the mesh enforces: AuthorizationPolicies must allow what the NetworkPolicies do, and nothing else."""

from __future__ import annotations

from tools.k8s.edges import NAME, OUTSIDE, Edge, allowed
from tools.k8s.render import Object

_PRINCIPAL = "cluster.local/ns/trommel/sa/"


def mesh_edges(found: list[Object]) -> tuple[set[Edge], list[str]]:
    """Return the edges of all AuthorizationPolicies, and what is wrong with them.

    A pod is known by its service account, a namespace by its name, which is the role that it stands for.
    """
    edges: set[Edge] = set()
    problems: list[str] = []
    accounts = {item["metadata"]["name"] for item in found if item["kind"] == "ServiceAccount"}
    policies = [item for item in found if item["kind"] == "AuthorizationPolicy"]
    if not any("selector" not in item["spec"] and not item["spec"].get("rules") for item in policies):
        problems.append("no AuthorizationPolicy refuses what the others do not allow")
    for item in policies:
        name, spec = item["metadata"]["name"], item["spec"]
        own = spec.get("selector", {}).get("matchLabels", {}).get(NAME)
        if spec.get("action", "ALLOW") != "ALLOW" or (spec.get("rules") and own is None):
            problems.append(f"AuthorizationPolicy {name}: it must allow, and for pods of one name")
            continue
        for rule in spec.get("rules", []):
            froms = {who for entry in rule.get("from", [{}]) for who in _peers(entry.get("source", {}))}
            ports = {int(port) for entry in rule.get("to", []) for port in entry["operation"].get("ports", [])}
            strangers = sorted(froms - accounts - OUTSIDE)
            if strangers or not ports or not froms:
                problems.append(f"AuthorizationPolicy {name}: a rule for anybody, any port or {strangers}")
            edges |= {(who, own, port) for who in froms for port in ports}
    return edges, problems


def _peers(source: Object) -> set[str]:
    """Return who a source is; "anybody" where it says something else than principals and namespaces."""
    if source.keys() - {"principals", "namespaces"} or not source:
        return {"anybody"}
    named = {principal.removeprefix(_PRINCIPAL) for principal in source.get("principals", [])}
    return named | set(source.get("namespaces", []))


def mesh_keeps_the_edges(found: list[Object]) -> list[str]:
    """Where there is a mesh, both kinds of policies allow the same edges, and probes are let in."""
    if not any(item["kind"] == "AuthorizationPolicy" for item in found):
        return []
    edges, problems = mesh_edges(found)
    pods = {
        item["spec"]["template"]["metadata"]["labels"][NAME] for item in found if "template" in item.get("spec", {})
    }
    wanted = {edge for edge in allowed(found)[0] if edge[1] in pods}
    here = {edge for edge in edges if edge[1] in pods}
    problems += [f"edge {edge} is allowed by network policies and not by the mesh" for edge in sorted(wanted - here)]
    problems += [f"edge {edge} is allowed by the mesh and not by network policies" for edge in sorted(here - wanted)]
    probes = {
        int(entry["port"])
        for item in found
        if item["metadata"].get("annotations", {}).get("trommel.dev/tunnel") == "probes"
        for rule in item["spec"]["ingress"]
        for entry in rule["ports"]
    }
    problems += [f"probes of port {port} are not let in" for port in sorted(_probe_ports(found) - probes)]
    return problems


def _probe_ports(found: list[Object]) -> set[int]:
    ports = set()
    for item in found:
        for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            names = {entry["name"]: int(entry["containerPort"]) for entry in container.get("ports", [])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                for way in ("grpc", "httpGet", "tcpSocket"):
                    port = container.get(kind, {}).get(way, {}).get("port")
                    if port is not None:
                        ports.add(names.get(port) or int(port))
    return ports
