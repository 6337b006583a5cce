"""`python -m tools.k8s`: runs every check and ends with 1 when one finds something."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.k8s.edges import OUTSIDE, allowed, documented
from tools.k8s.image_laws import image_problems
from tools.k8s.kubectl import kubectl
from tools.k8s.laws import LAWS
from tools.k8s.render import ROOT, objects, render_all

_BIN = Path(sys.executable).parent
_KUBERNETES = ("1.35", "1.36", "1.37")
_DOC = ROOT / "docs" / "kubernetes.md"


def _own_laws(rendered: dict[str, str]) -> list[str]:
    problems, table, seen = [], documented(_DOC), set()
    for name, text in rendered.items():
        found = objects(text)
        edges, wrong = allowed(found)
        pods = {item["metadata"]["name"] for item in found}
        seen |= edges
        wrong += [f"edge {edge} is allowed and not documented" for edge in sorted(edges - table)]
        here = {edge for edge in table if edge[0] in pods | OUTSIDE and edge[1] in pods | {"dns", "postgres", "redis"}}
        wrong += [f"edge {edge} is documented and not allowed" for edge in sorted(here - edges)]
        wrong += [line for law in LAWS for line in law(found)]
        problems += [f"{name}: {line}" for line in wrong]
    return problems + [f"edge {edge} of the table is in no rendering" for edge in sorted(table - seen)]


def _distinct(rendered: dict[str, str], folder: Path) -> list[Path]:
    """Write each object once, however many combinations hold it alike; return the file."""
    border = re.compile(r"^---$", re.MULTILINE)
    parts = dict.fromkeys(part.strip() for text in rendered.values() for part in border.split(text))
    file = folder / "distinct.yaml"
    file.write_text("\n---\n".join(part for part in parts if part) + "\n")
    print(f"  {len(parts)} distinct objects")
    return [file]


def _schemas(files: list[Path]) -> list[str]:
    problems = []
    for version in _KUBERNETES:
        command = [
            str(_BIN / "kubernetes-validate"),
            "--strict",
            "--quiet",
            "--no-warn",
            "-k",
            version,
            *map(str, files),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f"Kubernetes {version}: {(done.stdout + done.stderr).strip()}")
    return problems


def _checkov(files: list[Path]) -> list[str]:
    command = [
        str(_BIN / "checkov"),
        "--framework",
        "kubernetes",
        "--skip-download",
        "--compact",
        "--quiet",
        "-o",
        "json",
    ]
    done = subprocess.run(
        [*command, *(part for file in files for part in ("-f", str(file)))], capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"checkov did not run: {(done.stderr or done.stdout).strip()[-300:]}"]
    for part in report if isinstance(report, list) else [report]:
        if not part.get("summary", {}).get("passed"):
            return ["checkov checked nothing"]
    parts = report if isinstance(report, list) else [report]
    summary = parts[0]["summary"]
    print(
        f"  checkov: {summary['passed']} passed, {summary['failed']} failed, {summary['skipped']} skipped with a reason"
    )
    failed = [check for part in parts for check in part["results"]["failed_checks"]]
    skipped = [check for part in parts for check in part["results"].get("skipped_checks", [])]
    lines = {f"{check['check_id']} {check['resource']}: {check['check_name']}" for check in failed}
    lines |= {
        f"{check['check_id']} {check['resource']} is skipped without a reason"
        for check in skipped
        if not re.search(r"\w+ \w+", check["check_result"].get("suppress_comment", ""))
    }
    return sorted(lines)


def _hadolint() -> list[str]:
    done = subprocess.run([_BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines() or ([] if done.returncode == 0 else ["hadolint failed"])


def main() -> None:
    """Run the checks one after the other; print a line for each and one for each finding."""
    rendered = render_all(kubectl())
    count = sum(len(objects(text)) for text in rendered.values())
    print(f"rendered {len(rendered)} overlays and combinations, {count} objects")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (name, text) in enumerate(rendered.items()):
            files.append(Path(folder, f"{number:02}-{re.sub('[^a-z]+', '-', name)}.yaml"))
            files[-1].write_text(text)
        # Checkov looks at the overlays, and at each component once.
        few = [file for file, name in zip(files, rendered, strict=True) if name.startswith("overlays/")]
        few.append(files[max(range(len(files)), key=lambda number: list(rendered.values())[number].count("\n---"))])
        for title, problems in (
            ("own laws", _own_laws(rendered)),
            (f"kubernetes-validate --strict {' '.join(_KUBERNETES)}", _schemas(_distinct(rendered, Path(folder)))),
            ("checkov", _checkov(few)),
            ("hadolint", _hadolint()),
            ("images", image_problems()),
        ):
            print(f"{'ok  ' if not problems else 'FAIL'} {title}")
            for line in problems[:40]:
                print(f"     {line}")
            bad += len(problems)
    sys.exit(f"{bad} findings" if bad else 0)


if __name__ == "__main__":
    main()
