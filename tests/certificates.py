"""Real certificates for tests of TLS: an authority and a certificate of it for localhost, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HAVE_OPENSSL = shutil.which("openssl") is not None


def make_certificates(folder: Path) -> dict[str, Path]:
    """Make a folder with an authority and a certificate for localhost; return the files by the settings' names."""
    folder.mkdir()
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    authority, key, request, certificate = (folder / name for name in ("ca.crt", "tls.key", "csr", "tls.crt"))
    _openssl("req", "-x509", *curve, "-keyout", str(folder / "ca.key"), "-out", str(authority), "-subj", "/CN=ca")
    _openssl("req", *curve[:-2], "-keyout", str(key), "-out", str(request), "-subj", "/CN=localhost")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    signing = ("-CA", str(authority), "-CAkey", str(folder / "ca.key"), "-CAcreateserial", "-days", "2")
    _openssl("x509", "-req", "-in", str(request), *signing, "-extfile", str(extensions), "-out", str(certificate))
    return {"tls_certificate": certificate, "tls_key": key, "tls_authority": authority}


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
