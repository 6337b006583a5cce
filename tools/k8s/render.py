"""Renders every overlay, and the base with every sensible combination of components."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
Object = dict[str, Any]

# One of each line, in this order; "" is none of them. hpa and keda exclude each other, as do the two kinds of stores.
CHOICES = (
    ("trial-stores", "external-stores"),
    ("", "gpu-triton", "gpu-triton gpu-mig"),
    ("", "hpa", "keda"),
    ("", "service-mesh", "mtls"),
    ("", "prometheus-operator", "prometheus-operator otel-collector"),
)


def combinations() -> list[tuple[str, ...]]:
    """Return the components of each combination, in order; all of them name the images last."""
    return [(*(name for part in parts for name in part.split()), "images") for parts in itertools.product(*CHOICES)]


def render(kubectl: Path, folder: Path) -> str:
    """Return what kustomize makes of a folder, as YAML.

    Raises:
        RuntimeError: kustomize refuses; the text is its own.
    """
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{folder.relative_to(ROOT)}: {done.stderr.strip()}")
    return done.stdout


def render_all(kubectl: Path) -> dict[str, str]:
    """Return the YAML of every overlay and combination, by name."""
    rendered = {f"overlays/{path.parent.name}": render(kubectl, path.parent) for path in K8S.glob("overlays/*/*.yaml")}
    with tempfile.TemporaryDirectory(dir=K8S, prefix=".check-") as scratch:
        for names in combinations():
            lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources: [../base]"]
            lines.append(f"components: [{', '.join(f'../components/{name}' for name in names)}]")
            Path(scratch, "kustomization.yaml").write_text("\n".join(lines) + "\n")
            rendered["base + " + " + ".join(names[:-1])] = render(kubectl, Path(scratch))
    return rendered


def objects(text: str) -> list[Object]:
    """Return the objects of a rendered YAML."""
    import yaml  # not in the environment of the tests, which use the rest of this package

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
    return [found for found in yaml.load_all(text, Loader=loader) if found]
