"""What can be proved of the Dockerfile without Docker."""

from __future__ import annotations

import json
import re

from tools.image_requirements import requirements
from tools.k8s.render import ROOT

TARGETS = ("candidates", "ranking", "feedback", "training-worker", "training-api", "migrate")


def image_problems() -> list[str]:
    """Targets exist, what is copied exists, modules that are started exist, nobody is root, torch is in one image."""
    text = (ROOT / "Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", " ", text)
    stages = dict(re.findall(r"^FROM (\S+) AS (\S+)$", joined, re.MULTILINE)[::-1])
    names = set(re.findall(r"^FROM \S+ AS (\S+)$", joined, re.MULTILINE))
    problems = [f"there is no target {target}" for target in TARGETS if target not in names]
    for line in re.findall(r"^COPY (?!--from)(.+)$", joined, re.MULTILINE):
        for source in line.split()[:-1]:
            if not (ROOT / source).exists():
                problems.append(f"COPY {source}: there is no such file")
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", joined, re.MULTILINE):
        for source in line.split()[:-1]:
            if f"!{source}" not in ignored and f"!{source}/" not in ignored:
                problems.append(f"COPY {source}: .dockerignore keeps it out")
    for target in TARGETS:
        stage = re.search(rf"^FROM runtime AS {target}$(.*?)(?=^FROM|\Z)", joined, re.MULTILINE | re.DOTALL)
        entry = re.search(r"^ENTRYPOINT (\[.+\])$", stage[1], re.MULTILINE) if stage else None
        modules = [word for word in json.loads(entry[1]) if word.startswith("services.")] if entry else []
        if not modules or not (ROOT / (modules[0].replace(".", "/") + ".py")).is_file():
            problems.append(f"{target} starts no module that exists")
        has_torch = any(line.startswith("torch") for line in requirements(target.replace("training-api", "training")))
        if has_torch != (target == "training-worker"):
            problems.append(f"{target}: torch must be in training-worker and there alone")
    if not re.search(r"^FROM \S+ AS runtime$(?:(?!^FROM).)*^USER [1-9]\d*:[1-9]\d*$", joined, re.MULTILINE | re.DOTALL):
        problems.append("the images run as root; USER must be a number")
    return problems if stages else ["the Dockerfile has no stages"]
