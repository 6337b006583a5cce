"""`python -m tools.k8s`: runs every check and ends with 1 when one finds something."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tools.k8s.checkov_run import checkov_problems
from tools.k8s.compose_config import compose_binary, compose_problems
from tools.k8s.custom_schemas import custom_problems
from tools.k8s.distinct import write_distinct
from tools.k8s.edges import OUTSIDE, Edge, allowed, documented
from tools.k8s.image_laws import image_problems
from tools.k8s.kubectl import kubectl
from tools.k8s.laws import LAWS
from tools.k8s.memory import measured, memory_problems
from tools.k8s.mutations import unseen_breaks
from tools.k8s.prometheus_rule import rule_problems
from tools.k8s.render import ROOT, Object, objects, render_all

_BIN = Path(sys.executable).parent
_KUBERNETES = ("1.35", "1.36", "1.37")
_DOC = ROOT / "docs" / "kubernetes.md"


def rendering_problems(found: list[Object], table: set[Edge]) -> list[str]:
    """Return what the project's own laws say against one rendering."""
    edges, problems = allowed(found)
    pods = {item["metadata"]["name"] for item in found if "template" in item.get("spec", {})}
    problems = problems + [f"edge {edge} is allowed and not documented" for edge in sorted(edges - table)]
    here = {
        edge for edge in table if edge[0] in pods | OUTSIDE and edge[1] in pods | {"dns", "postgres", "redis", "traces"}
    }
    problems += [f"edge {edge} is documented and not allowed" for edge in sorted(here - edges)]
    problems += memory_problems(found, measured(_DOC), exact=False)
    return problems + [line for law in LAWS for line in law(found)] + custom_problems(found)


def _own_laws(parsed: dict[str, list[Object]], table: set[Edge]) -> list[str]:
    problems, seen = [], set()
    for name, found in parsed.items():
        seen |= allowed(found)[0]
        problems += [f"{name}: {line}" for line in rendering_problems(found, table)]
    plain = next(found for name, found in parsed.items() if name == "base + external-stores")
    problems += memory_problems(plain, measured(_DOC), exact=True)
    return problems + [f"edge {edge} of the table is in no rendering" for edge in sorted(table - seen)]


def _laws_can_fail(parsed: dict[str, list[Object]], table: set[Edge]) -> list[str]:
    # Two renderings hold all kinds between them.
    chosen = [
        found
        for name, found in parsed.items()
        if "trial-stores + gpu-triton + hpa + service-mesh + prometheus-operator" in name
        or "external-stores + gpu-triton + keda + mtls + prometheus-operator" in name
    ]
    return unseen_breaks(chosen, partial(rendering_problems, table=table))


def _schemas(folder: Path) -> list[str]:
    problems = []
    for version in _KUBERNETES:
        command: list[str | Path] = [_BIN / "kubernetes-validate", "--strict", "--quiet", "--no-warn", "-k", version]
        done = subprocess.run([*command, *sorted(folder.glob("*.yaml"))], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f"Kubernetes {version}: {(done.stdout + done.stderr).strip()}")
    return problems


def _hadolint() -> list[str]:
    done = subprocess.run([_BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines() or ([] if done.returncode == 0 else ["hadolint failed"])


def main() -> None:
    """Run the checks one after the other; print a line for each and one for each finding."""
    rendered = render_all(kubectl())
    parsed, table = {name: objects(text) for name, text in rendered.items()}, documented(_DOC)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        distinct = write_distinct(rendered, folder)
        count = sum(map(len, parsed.values()))
        print(f"rendered {len(rendered)} overlays and combinations: {count} objects, {len(distinct)} distinct")
        bad = 0
        for title, check in (
            ("own laws, edges, schemas of operators", partial(_own_laws, parsed, table)),
            ("each of them can fail", partial(_laws_can_fail, parsed, table)),
            (f"kubernetes-validate --strict {' '.join(_KUBERNETES)}", partial(_schemas, folder)),
            ("checkov", partial(checkov_problems, _BIN / "checkov", folder)),
            ("rules of Prometheus", rule_problems),
            ("hadolint", _hadolint),
            ("images", image_problems),
            ("docker compose config", lambda: compose_problems(compose_binary())),
        ):
            problems = check()
            print(f"{'ok  ' if not problems else 'FAIL'} {title}")
            for line in problems[:40]:
                print(f"     {line}")
            bad += len(problems)
    sys.exit(f"{bad} findings" if bad else 0)


if __name__ == "__main__":
    main()
