"""Generate Python from the contracts, and lint them.

    python tools/protos.py generate     write *_pb2.py, *_pb2.pyi, *_pb2_grpc.py beside each .proto
    python tools/protos.py check        fail when what stands beside them is not what would be generated
    python tools/protos.py lint         buf lint

`buf/validate/validate.proto` is not kept here: its descriptor comes out of the installed protovalidate package, so
that the rules' meaning and their engine always have one version.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc_tools
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parents[1]
PROTOS = ROOT / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
VALIDATE = "buf/validate/validate.proto"


def sources() -> list[str]:
    """Return the contracts, relative to protos/, sorted."""
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("trommel/**/*.proto"))


def write_validate_descriptors(folder: Path) -> Path:
    """Write validate.proto and what it imports as one descriptor set into `folder`; return its path."""
    from google.protobuf import descriptor_pb2
    from protobuf.wkt.google.protobuf import descriptor_pb, duration_pb, field_mask_pb, timestamp_pb

    descriptors = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb, duration_pb, field_mask_pb, timestamp_pb, validate_pb):
        descriptors.file.add().ParseFromString(module._DESC.proto.to_binary())
    path = folder / "validate.binpb"
    path.write_bytes(descriptors.SerializeToString())
    return path


def protoc(*arguments: str) -> None:
    """Run the protoc of grpcio-tools in a process of its own (it exits the process on errors)."""
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)


def generate(destination: Path) -> None:
    """Write the stubs of all contracts and of validate.proto under `destination`."""
    with tempfile.TemporaryDirectory() as name:
        validate = write_validate_descriptors(Path(name))
        out = f"{destination}"
        protoc(f"--descriptor_set_in={validate}", f"--python_out={out}", f"--pyi_out={out}", VALIDATE)
        protoc(
            f"--descriptor_set_in={image(Path(name), validate)}",
            f"--python_out={out}",
            f"--pyi_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=quiet:{out}",
            f"--plugin=protoc-gen-mypy_grpc={Path(sys.executable).parent / 'protoc-gen-mypy_grpc'}",
            *sources(),
        )


def image(folder: Path, validate: Path) -> Path:
    """Compile the contracts with their comments into one descriptor set; return its path."""
    path = folder / "image.binpb"
    # protoc reads imports either from source or from descriptors: the few imported descriptors are given as
    # descriptors, and the contracts are found through the proto path.
    protoc(
        f"--proto_path={PROTOS}",
        f"--descriptor_set_in={validate}{':'}{well_known(folder)}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={path}",
        *sources(),
    )
    return path


def well_known(folder: Path) -> Path:
    """Write the well-known types that validate.proto does not import already."""
    path = folder / "well_known.binpb"
    protoc(f"--proto_path={WELL_KNOWN}", f"--descriptor_set_out={path}", "google/protobuf/struct.proto")
    return path


def check() -> int:
    """Compare what stands in protos/ with what would be generated; print the differing files."""
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        generate(fresh)
        made = sorted(path for path in fresh.rglob("*") if path.is_file())
        stale = [
            path.relative_to(fresh)
            for path in made
            if not (PROTOS / path.relative_to(fresh)).is_file()
            or (PROTOS / path.relative_to(fresh)).read_bytes() != path.read_bytes()
        ]
    for path in stale:
        print(f"protos/{path} is stale: run `make protos` and commit the result", file=sys.stderr)
    return 1 if stale else 0


def lint() -> int:
    """Run buf lint over the compiled contracts."""
    buf = shutil.which("buf", path=str(Path(sys.executable).parent)) or "buf"
    with tempfile.TemporaryDirectory() as name:
        compiled = image(Path(name), write_validate_descriptors(Path(name)))
        return subprocess.run([buf, "lint", str(compiled), "--config", str(ROOT / "buf.yaml")], check=False).returncode


def main() -> int:
    """Dispatch on the one argument."""
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "generate":
        generate(PROTOS)
        return 0
    if command == "check":
        return check()
    if command == "lint":
        return lint()
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
