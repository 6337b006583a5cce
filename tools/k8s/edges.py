"""Who may talk to whom: as the NetworkPolicies allow it, and as the table in docs/kubernetes.md says."""

from __future__ import annotations

import re
from pathlib import Path

from tools.k8s.render import Object

Edge = tuple[str, str, int]
"""(from, to, port). Namespaces by role are "callers", "operators", "monitoring"; the name server is "dns"."""

NAME = "app.kubernetes.io/name"
_ROLE = "trommel.dev/role-"
OUTSIDE = {"callers", "operators", "monitoring", "dns"}
PROBE_ADDRESSES = {"169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"}
"""Where the kubelet's probes of pods in Istio's ambient mesh come from."""


def documented(page: Path) -> set[Edge]:
    """Return the edges of the table between the marks <!-- edges --> and <!-- /edges -->."""
    found = re.search(r"<!-- edges -->(.*?)<!-- /edges -->", page.read_text(), re.DOTALL)
    if found is None:
        raise ValueError(f"{page.name} has no table of edges")
    edges = set()
    for line in found[1].strip().splitlines()[2:]:
        froms, to, port = (cell.strip() for cell in line.strip("|").split("|")[:3])
        edges |= {(name.strip(), to, int(port)) for name in froms.split(",")}
    return edges


def allowed(found: list[Object]) -> tuple[set[Edge], list[str]]:
    """Return the edges that both ends allow, and what is wrong: an edge that one end alone allows goes nowhere."""
    policies = [item for item in found if item["kind"] == "NetworkPolicy"]
    pods = {
        item["spec"]["template"]["metadata"]["labels"][NAME] for item in found if "template" in item.get("spec", {})
    }
    ingress: set[Edge] = set()
    egress: set[Edge] = set()
    problems: list[str] = []
    if not any(
        item["spec"]["podSelector"] == {}
        and not item["spec"].get("ingress")
        and not item["spec"].get("egress")
        and set(item["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        for item in policies
    ):
        problems.append("no NetworkPolicy denies what the others do not allow")
    for item in policies:
        if item["metadata"].get("annotations", {}).get("trommel.dev/tunnel"):
            problems += _tunnel(item)
            continue
        own, spec = _selected(item["spec"]["podSelector"], pods), item["spec"]
        away = item["metadata"].get("annotations", {}).get("trommel.dev/destination")
        for key, peers_key, edges in (("ingress", "from", ingress), ("egress", "to", egress)):
            for rule in spec.get(key, []):
                if not rule.get("ports") or not rule.get(peers_key):
                    problems.append(f"NetworkPolicy {item['metadata']['name']}: a rule without ports or peers")
                for peer in rule.get(peers_key, []):
                    others = {away} if "ipBlock" in peer else _peer(peer, pods)
                    for port in {int(entry["port"]) for entry in rule.get("ports", [])}:
                        pairs = [(mine, other) for mine in own for other in others]
                        edges |= {(b, a, port) if key == "ingress" else (a, b, port) for a, b in pairs}
    inside = {edge for edge in ingress | egress if edge[0] in pods and edge[1] in pods}
    problems += [f"{a} to {b}:{port}: one end alone allows it" for a, b, port in inside - (ingress & egress)]
    return ingress | egress, sorted(problems)


def _tunnel(policy: Object) -> list[str]:
    """What the mesh needs is no edge: the port of its tunnel, or the addresses that its probes come from."""
    rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
    ports = {int(entry["port"]) for rule in rules for entry in rule.get("ports", [])}
    blocks = {peer.get("ipBlock", {}).get("cidr") for rule in rules for peer in rule.get("from", [])}
    if (rules and all(rule.get("ports") for rule in rules)) and (ports == {15008} or blocks == PROBE_ADDRESSES):
        return []
    return [f"NetworkPolicy {policy['metadata']['name']} is no tunnel of the mesh and lets more in"]


def _selected(selector: Object, pods: set[str]) -> set[str]:
    if name := selector.get("matchLabels", {}).get(NAME):
        return {name}
    for expression in selector.get("matchExpressions", []):
        if expression["key"] == NAME and expression["operator"] == "In":
            return set(expression["values"])
    return set(pods) if selector == {} else set()


def _peer(peer: Object, pods: set[str]) -> set[str]:
    labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
    if labels.get("kubernetes.io/metadata.name") == "kube-system":
        return {"dns"}
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return roles or _selected(peer.get("podSelector", {"matchLabels": {}}), pods) or {"anybody"}
