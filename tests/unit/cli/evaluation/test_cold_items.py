from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cli.evaluation import item_contents, review_texts
from services.cli.evaluation.cold_items import _of_reviews
from services.cli.evaluation.offline import read_log
from services.cli.readers import amazon_reviews
from services.cli.readers.records import ReadOptions
from services.core.content_space import ItemContent
from services.core.text_encoder_files import TEXT
from tests.guitar_reviews import TAKEN, USERS, WORDS, counted, write_guitars

ITEMS = 64
"""More than a content map needs, without the cold ones."""


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_contents, "text_vectors", counted)
    monkeypatch.setattr(review_texts, "text_vectors", counted)


@pytest.fixture
def guitars(tmp_path: Path) -> Path:
    return write_guitars(tmp_path / "guitars.json", ITEMS)


def test_items_are_told_by_their_reviews(trommel: Callable[..., Any], guitars: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("evaluate", str(guitars), "--protocol", "cold-items", "--seed", "3", "--threads", "1")
    outcome = trommel(*arguments, "--json", str(out))
    assert outcome.code == 0, outcome.notes
    assert f"{USERS * TAKEN} events come with a text" in outcome.notes
    assert "times the content neighbours' NDCG@10" in outcome.output
    found = json.loads(out.read_text())
    assert (found["protocol"], found["cold_items"], found["reviews"]) == ("cold-items", 6, True)
    assert 0 < found["users"] < USERS
    # Of one modality: what was written stands in the place of the text.
    assert set(found["test"]) == {"ranker", "content_knn", "content_knn_centred", "content_knn_top", "random"}
    assert found["test"]["content_knn"]["ndcg@10"] > found["test"]["random"]["ndcg@10"]


def test_reviews_are_not_read_where_all_items_say_something(guitars: Path) -> None:
    dataset = amazon_reviews.open_dataset(guitars, ReadOptions())
    read = read_log(dataset)
    said = ItemContent({TEXT: np.ones(3, np.float32)})
    told = [ItemContent(), *[said] * read.log.item_count]
    assert _of_reviews(replace(read.log, contents=told), dataset, read, 1) is None
    told[1] = ItemContent()
    contents = _of_reviews(replace(read.log, contents=told), dataset, read, 1)
    assert contents is not None
    found = contents(np.ones(len(read.log), np.bool_)) or ()
    # What the item says itself is not mixed with what others wrote.
    assert found[2].vectors.keys() == found[1].vectors.keys() == {TEXT}
    assert found[2].vectors[TEXT].tolist() == [1, 1, 1]
    assert len(found[1].vectors[TEXT]) == len(WORDS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--protocol", "leave-one-out", "--tune-text", "2"), "--tune-text: only with --protocol cold-items"),
        (("--tune-text", "2"), "--tune-text: only with --protocol cold-items"),
        (("--protocol", "cold-items", "--text-tasks", "rating"), "--text-tasks: only with --tune-text"),
        (("--protocol", "cold-items", "--tune-text", "1", "--text-tasks", "poetry"), "there are category and rating"),
    ],
)
def test_tuning_is_refused_where_it_means_nothing(
    trommel: Callable[..., Any], guitars: Path, words: tuple[str, ...], says: str
) -> None:
    outcome = trommel("evaluate", str(guitars), *words)
    assert outcome.code == 2
    assert says in outcome.notes
