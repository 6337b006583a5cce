from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cli.evaluation.offline import read_log
from services.cli.evaluation.review_texts import REVIEWS, contents_of_reviews, written
from services.cli.readers import amazon_reviews
from services.cli.readers.records import ReadOptions


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Ratings without texts: half the users like what has an even number, half what has an odd one."""
    random = np.random.default_rng(0)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user in range(40):
        for time, item in enumerate(random.permutation(30)[:12]):
            lines.append(f"u{user}\t{item}\t{4 if item % 2 == user % 2 else 2}\t{time}")
    path = tmp_path / "kinds"
    path.mkdir()
    (path / "kinds.inter").write_text("\n".join(lines) + "\n")
    return path


def test_ratings_of_a_data_set(trommel: Callable[..., Any], ratings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("evaluate", str(ratings), "--protocol", "ratings", "--seed", "3", "--threads", "1", "--share", "0.2")
    outcome = trommel(*arguments, "--json", str(out))
    assert outcome.code == 0, outcome.notes
    assert "matrix_factors" in outcome.output
    assert "content_knn" not in outcome.output
    found = json.loads(out.read_text())
    assert found["ratings"] == {"all": 480, "validation": 96, "test": 96, "cold": 0}
    assert found["test"]["head"]["rmse"] < found["test"]["global_mean"]["rmse"]
    assert f"{found['test']['head']['rmse']:.4f}" in outcome.output
    assert "--share 0.2" in found["command"]


def test_what_the_protocol_does_not_have_is_refused(trommel: Callable[..., Any], ratings: Path) -> None:
    outcome = trommel("evaluate", str(ratings), "--protocol", "ratings", "--served", "--predictions", "lists.tsv")
    assert outcome.code != 0
    assert "--served, --predictions: there are no lists and no bundle with --protocol ratings" in outcome.error_line


def test_a_data_set_without_ratings_is_one_line(trommel: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "sequences.txt"
    path.write_text("1 5 6\n2 5 7\n")
    outcome = trommel("evaluate", str(path), "--protocol", "ratings")
    assert outcome.code == 1
    assert "there are too few ratings to foretell" in outcome.error_line


def test_a_review_that_must_not_be_read_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [("u", "a", "warm sound"), ("v", "a", "broke soon"), ("v", "b", ""), ("u", "b", "a strap")]
    lines = [
        {"reviewerID": u, "asin": i, "overall": 4, "reviewText": text, "summary": "", "unixReviewTime": time}
        for time, (u, i, text) in enumerate(told)
    ]
    path = tmp_path / "reviews.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    opened = amazon_reviews.open_dataset(path, ReadOptions())
    read = read_log(opened)
    texts = written(opened, read)
    by_pair = {
        (read.user_ids[user], str(read.log.item_ids[row])): text
        for user, row, text in zip(read.log.users(), read.log.rows, texts, strict=True)
    }
    assert by_pair == {(user, item): text for user, item, text in told}

    def spelled(texts: list[str], encoder: None, threads: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        """One place a text, in place of what a text encoder takes a minute to be exported for."""
        return np.diag([float(bool(text)) for text in texts]).astype(np.float32)

    monkeypatch.setattr("services.cli.evaluation.review_texts.text_vectors", spelled)
    contents = contents_of_reviews(read.log, texts, 1)
    hidden = texts.index("broke soon")
    may_read = np.arange(len(texts)) != hidden
    (of_a, of_b) = contents(may_read)[1:]
    assert of_a.vectors[REVIEWS].tolist() == [float(place == texts.index("warm sound")) for place in range(4)]
    assert of_b.vectors[REVIEWS].sum() == 1
    assert contents(np.ones(4, np.bool_))[1].vectors[REVIEWS][hidden] == 1
    assert not contents(np.zeros(4, np.bool_))[1]
