"""What each process was measured to hold, in docs/kubernetes.md, beside what its manifest asks for."""

from __future__ import annotations

import re
from pathlib import Path

from tools.k8s.render import Object

_UNITS = {"Mi": 1.0, "Gi": 1024.0}
# A request below this multiple of what was measured on a small catalog is too small for any other.
_ROOM = 1.5


def measured(page: Path) -> dict[str, tuple[float, str, str]]:
    """Return (measured MiB, request, limit) of each process, from the table between the marks <!-- memory -->."""
    found = re.search(r"<!-- memory -->(.*?)<!-- /memory -->", page.read_text(), re.DOTALL)
    if found is None:
        raise ValueError(f"{page.name} has no table of memory")
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in found[1].strip().splitlines()[2:])
    return {name: (float(held), request, limit) for name, held, request, limit in rows}


def memory_problems(found: list[Object], table: dict[str, tuple[float, str, str]], *, exact: bool) -> list[str]:
    """Return where manifests ask for too little, or with `exact` for something else than the table says."""
    problems = []
    for item in found:
        name = item["metadata"]["name"]
        if item["kind"] != "Deployment" or name not in table:
            continue
        held, *written = table[name]
        resources = item["spec"]["template"]["spec"]["containers"][0].get("resources", {})
        given = [resources.get(kind, {}).get("memory", "0Mi") for kind in ("requests", "limits")]
        if float(given[0][:-2]) * _UNITS[given[0][-2:]] < _ROOM * held:
            problems.append(f"{name} requests {given[0]} of memory and was measured to hold {held:g} MiB")
        if exact and given != written:
            problems.append(f"{name} has {'/'.join(given)} of memory, the table in the docs says {'/'.join(written)}")
    return problems
