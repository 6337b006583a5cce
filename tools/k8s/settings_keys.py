"""The TROMMEL_* keys of each process, read out of its settings.py without importing it."""

from __future__ import annotations

import ast
import re

from tools.k8s.render import ROOT

_SHARED = "services/plumbing/settings.py"
# Process: (file of its settings, class).
PROCESSES = {
    "candidates": ("services/candidates/settings.py", "CandidatesSettings"),
    "ranking": ("services/ranking/settings.py", "RankingSettings"),
    "feedback": ("services/feedback/settings.py", "FeedbackSettings"),
    "training-api": ("services/training/settings.py", "TrainingServerSettings"),
    "training-worker": ("services/training/settings.py", "WorkerSettings"),
    "migrate": ("services/plumbing/migrate.py", "MigrateSettings"),
}


def keys(process: str) -> dict[str, bool]:
    """Return each key of a process, and whether a cluster must set it: no default, or one for a single machine."""
    return {
        key: not default or "127.0.0.1" in default or "DEFAULT_REDIS_URL" in default or ".trommel/" in default
        for key, default in _defaults(process).items()
    }


def number(process: str, key: str) -> float:
    """Return the default of a setting that is a number.

    Raises:
        ValueError: It is none, or is written as more than a literal.
    """
    found = re.match(r"(?:Field\(default=)?([\d._]+)(?:[,)]|$)", _defaults(process)[key])
    if found is None:
        raise ValueError(f"{process}: the default of {key} is no literal number")
    return float(found[1])


def _defaults(process: str) -> dict[str, str]:
    """Return the source text of each key's default; "" where there is none."""
    path, name = PROCESSES[process]
    classes: dict[str, ast.ClassDef] = {}
    for file in (_SHARED, path):
        body = ast.parse((ROOT / file).read_text()).body
        classes |= {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    return _fields(classes, name)


def _fields(classes: dict[str, ast.ClassDef], name: str) -> dict[str, str]:
    if name not in classes:
        return {}
    found: dict[str, str] = {}
    for base in reversed(classes[name].bases):
        found |= _fields(classes, ast.unparse(base))
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[f"TROMMEL_{node.target.id.upper()}"] = ast.unparse(node.value) if node.value else ""
    return found
