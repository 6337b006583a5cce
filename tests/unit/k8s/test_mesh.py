"""The mesh's policies and the network policies must allow the same edges."""

from __future__ import annotations

from typing import Any

import pytest

from tools.k8s.edges import allowed
from tools.k8s.mesh import mesh_edges, mesh_keeps_the_edges

pytestmark = pytest.mark.unit

_NAME = "app.kubernetes.io/name"


def _item(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def _pod(name: str) -> list[dict[str, Any]]:
    template = {"metadata": {"labels": {_NAME: name}}, "spec": {"containers": [{}]}}
    return [_item("Deployment", name, {"template": template}), _item("ServiceAccount", name, {})]


def _authorization(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    selector = {"matchLabels": {_NAME: name}}
    return _item("AuthorizationPolicy", name, {"action": "ALLOW", "selector": selector, "rules": list(rules)})


def _rule(source: dict[str, Any], port: str) -> dict[str, Any]:
    return {"from": [{"source": source}], "to": [{"operation": {"ports": [port]}}]}


_PODS = [*_pod("ranking"), *_pod("feedback")]
_CLOSED = _item("AuthorizationPolicy", "default-deny", {"action": "ALLOW"})
_RANKING = {"principals": ["cluster.local/ns/trommel/sa/ranking"]}


def _network(to_port: int) -> list[dict[str, Any]]:
    mine, other = ({"matchLabels": {_NAME: name}} for name in ("feedback", "ranking"))
    ports = [{"port": to_port}]
    return [
        _item("NetworkPolicy", "all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        _item(
            "NetworkPolicy",
            "in",
            {"podSelector": mine, "ingress": [{"from": [{"podSelector": other}], "ports": ports}]},
        ),
        _item(
            "NetworkPolicy", "out", {"podSelector": other, "egress": [{"to": [{"podSelector": mine}], "ports": ports}]}
        ),
    ]


def test_equal_edges_are_no_finding() -> None:
    found = [*_PODS, *_network(7103), _CLOSED, _authorization("feedback", _rule(_RANKING, "7103"))]
    assert mesh_edges(found) == ({("ranking", "feedback", 7103)}, [])
    assert mesh_keeps_the_edges(found) == []
    assert mesh_keeps_the_edges([*_PODS, *_network(7103)]) == []  # no mesh, nothing to say


def test_an_edge_of_one_side_alone_is_found() -> None:
    found = [*_PODS, *_network(7103), _CLOSED, _authorization("feedback", _rule(_RANKING, "7104"))]
    assert mesh_keeps_the_edges(found) == [
        "edge ('ranking', 'feedback', 7103) is allowed by network policies and not by the mesh",
        "edge ('ranking', 'feedback', 7104) is allowed by the mesh and not by network policies",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"from": [{"source": _RANKING}]},
        {"to": [{"operation": {"ports": ["1"]}}]},
        _rule({"notNamespaces": ["trommel"]}, "1"),
        _rule({"principals": ["cluster.local/ns/other/sa/ranking"]}, "1"),
    ],
)
def test_a_rule_for_more_than_named_pods_and_ports_is_found(rule: dict[str, Any]) -> None:
    assert mesh_edges([*_PODS, _CLOSED, _authorization("feedback", rule)])[1]


def test_a_mesh_must_be_closed() -> None:
    assert mesh_edges([*_PODS, _authorization("feedback")])[1]


def test_a_tunnel_is_the_meshs_and_nothing_else() -> None:
    annotations = {"trommel.dev/tunnel": "hbone"}
    for ports, wrong in (([{"port": 15008}], False), ([{"port": 7101}], True), ([], True)):
        spec = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}], "ports": ports}]}
        policy = _item("NetworkPolicy", "mesh", spec, annotations=annotations)
        assert any("no tunnel" in line for line in allowed([*_PODS, policy])[1]) is wrong
