"""The TROMMEL_* keys of each process, read out of its settings.py without importing it."""

from __future__ import annotations

import ast

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
    path, name = PROCESSES[process]
    classes: dict[str, ast.ClassDef] = {}
    for file in (_SHARED, path):
        body = ast.parse((ROOT / file).read_text()).body
        classes |= {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    return _keys(classes, name)


def _keys(classes: dict[str, ast.ClassDef], name: str) -> dict[str, bool]:
    if name not in classes:
        return {}
    found: dict[str, bool] = {}
    for base in reversed(classes[name].bases):
        found |= _keys(classes, ast.unparse(base))
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = ast.unparse(node.value) if node.value else ""
            local = not default or "127.0.0.1" in default or "DEFAULT_REDIS_URL" in default or ".trommel/" in default
            found[f"TROMMEL_{node.target.id.upper()}"] = local
    return found
