from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
from pyarrow.parquet import write_table

from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.formats import FORMATS, guess_format, open_as
from services.cli.readers.records import ReadOptions


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "movielens": "1\t2\t3\t881250949\n",
        "recbole": "user_id:token\titem_id:token\ttimestamp:float\n1\t2\t3\n",
        "s3rec": "1 10 11\n2 10\n",
        "amazon-reviews": '{"reviewerID": "u", "asin": "i", "overall": 5, "unixReviewTime": 1}\n',
        "jsonl": '{"user_id": "u", "item_id": "i", "time": 1}\n',
    }
    paths = {name: tmp_path / f"{name}.file" for name in FORMATS}
    for name, text in texts.items():
        paths[name].write_text(text)
    write_table(pyarrow.table({"user_id": ["u"], "item_id": ["i"], "time": [1]}), paths["parquet"])
    return paths


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_guessed_and_opened(files: dict[str, Path], name: str) -> None:
    assert guess_format(files[name]) == name
    assert len(list(open_as(name, files[name], ReadOptions()).events())) >= 1


@pytest.mark.parametrize("said", sorted(FORMATS))
@pytest.mark.parametrize("actual", sorted(FORMATS))
def test_the_wrong_format_is_refused_with_a_guess(files: dict[str, Path], said: str, actual: str) -> None:
    # Reviews are JSON lines too: read as such they lose their texts alone.
    if said == actual or (said, actual) == ("jsonl", "amazon-reviews"):
        assert open_as(said, files[actual], ReadOptions()).name
        return
    with pytest.raises(WrongFormatError, match=f"it looks like {actual}, try --format {actual}"):
        open_as(said, files[actual], ReadOptions())


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_empty_file_is_one_clear_line_in_every_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(DatasetError, match=r"is empty|holds no parquet"):
        open_as(name, path, ReadOptions())


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_path_that_is_not_there_and_an_empty_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="there is no"):
        open_as(name, tmp_path / "nowhere", ReadOptions())
    with pytest.raises(WrongFormatError):
        open_as(name, tmp_path, ReadOptions())
