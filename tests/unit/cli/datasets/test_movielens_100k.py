from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.cli.cli_error import CliError
from services.cli.datasets import movielens_100k, movielens_publisher, movielens_wheel
from services.cli.datasets.fetch_error import FetchError

FLAGS = "0|0|0|1|0|1" + "|0" * 13
RATINGS = b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "www"
    folder.mkdir()
    with zipfile.ZipFile(folder / "ml-100k.zip", "w") as archive:
        archive.writestr("ml-100k/u.data", RATINGS)
        archive.writestr("ml-100k/u.item", f"1|Toy Story (1995)|||x|{FLAGS}\n2|Amélie|||x|{FLAGS}\n".encode("latin-1"))
        archive.writestr("ml-100k/u.user", "1|24|M|technician|85711\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/ml-100k.zip"
    http.shutdown()
    thread.join()
    http.server_close()


def checksum(tmp_path: Path) -> str:
    return hashlib.sha256((tmp_path / "www" / "ml-100k.zip").read_bytes()).hexdigest()


def test_the_publishers_archive_becomes_the_normal_form(tmp_path: Path, server: str) -> None:
    draft = tmp_path / "draft"
    draft.mkdir()
    movielens_publisher.download(draft, tmp_path, server, checksum(tmp_path))
    assert (draft / "u.data").read_bytes() == RATINGS
    assert (draft / "items.tsv").read_text("utf-8").splitlines() == [
        "item_id\ttitle\tyear\tgenres",
        "1\tToy Story\t1995\tAnimation|Comedy",
        "2\tAmélie\t\tAnimation|Comedy",
    ]
    assert (draft / "users.tsv").read_text("utf-8").splitlines()[1] == "1\t24\tM\ttechnician\t85711"


def test_another_file_than_the_published_one_is_refused(tmp_path: Path, server: str) -> None:
    with pytest.raises(FetchError, match="checksum"):
        movielens_publisher.download(tmp_path, tmp_path, server)


def test_no_answer_and_no_such_file_are_one_line(tmp_path: Path, server: str) -> None:
    with pytest.raises(FetchError, match="no answer"):
        movielens_publisher.download(tmp_path, tmp_path, "http://127.0.0.1:9/ml-100k.zip")
    with pytest.raises(FetchError, match="no answer"):
        movielens_publisher.download(tmp_path, tmp_path, server.replace("ml-100k", "other"))


def test_ratings_that_are_not_those_are_refused_wherever_they_come_from(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = partial(movielens_publisher.download, url=server, sha256=checksum(tmp_path))
    monkeypatch.setattr(movielens_publisher, "download", other)
    with pytest.raises(CliError, match="checksum differs"):
        movielens_100k.fetch(tmp_path, "publisher")
    assert not (tmp_path / movielens_100k.NAME).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["www"]


def test_the_wheels_film_lines_are_understood() -> None:
    assert movielens_wheel._film(["1", "Toy Story", "1995", "Animation Children's"]) == (
        "1",
        "Toy Story",
        1995,
        ["Animation", "Children's"],
    )
    assert movielens_wheel._film(["267", "unkonwn", "unkonwn", "unknown"]) == ("267", "unknown", None, ["unknown"])
    with pytest.raises(FetchError):
        movielens_wheel._film(["1"])


def test_the_terms_name_what_matters() -> None:
    for word in ("redistribute", "commercial", "Harper", "Konstan", "2015"):
        assert word in movielens_100k.TERMS
