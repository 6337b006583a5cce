from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cli.evaluation import item_contents, review_texts
from services.cli.evaluation.offline import read_log
from services.cli.evaluation.transfer import _told_by_reviews
from services.cli.readers import amazon_reviews
from services.cli.readers.records import ReadOptions
from tests.guitar_reviews import ITEMS, TAKEN, USERS, counted, write_guitars


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_contents, "text_vectors", counted)
    monkeypatch.setattr(review_texts, "text_vectors", counted)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    taken = [random.choice(np.arange(1 + user % 4, ITEMS + 1, 4), TAKEN, replace=False) for user in range(USERS)]
    (tmp_path / "sequences.txt").write_text(
        "".join(f"{user} {' '.join(map(str, items))}\n" for user, items in enumerate(taken))
    )
    return tmp_path / "sequences.txt"


@pytest.fixture
def guitars(tmp_path: Path) -> Path:
    return write_guitars(tmp_path / "guitars.json")


def test_transfer_between_two_data_sets(
    trommel: Callable[..., Any], films: Path, guitars: Path, tmp_path: Path
) -> None:
    out, lists = tmp_path / "out.json", tmp_path / "lists.tsv"
    arguments = ("evaluate", "transfer", "--source", str(films), "--target", str(guitars), "--seed", "3")
    outcome = trommel(*arguments, "--threads", "1", "--json", str(out), "--predictions", str(lists))
    assert outcome.code == 0, outcome.notes
    for words in ("zero-shot: the texts alone", "trained on the few events alone", "times random"):
        assert words in outcome.output
    found = json.loads(out.read_text())
    assert (found["protocol"], found["users"], found["seed"]) == ("transfer", USERS, 3)
    assert found["interactions"] == {"source": USERS * TAKEN, "target": USERS * TAKEN}
    assert found["test"]["zero_shot"]["ndcg@10"] > 2 * found["test"]["random"]["ndcg@10"]
    for figures in found["test"].values():
        assert f"{figures['ndcg@10']:.4f} ± {figures['ndcg@10_se']:.4f}" in outcome.output
    assert "--protocol transfer" in found["command"]
    assert len(lists.read_text().splitlines()) == USERS


def test_no_review_of_what_is_looked_for_is_read(guitars: Path) -> None:
    dataset = amazon_reviews.open_dataset(guitars, ReadOptions())
    read = read_log(dataset)
    told = _told_by_reviews(read.log, dataset, read, 1)
    rows = guitars.read_text().splitlines()
    last = {user: rows[(user + 1) * TAKEN - 1] for user in range(USERS)}
    guitars.write_text(
        "\n".join(
            row.replace("a guitar", "a film film film") if row == last[place // TAKEN] else row
            for place, row in enumerate(rows)
        )
        + "\n"
    )
    changed = amazon_reviews.open_dataset(guitars, ReadOptions())
    again = _told_by_reviews(read.log, changed, read_log(changed), 1)
    for first, second in zip(told.contents or (), again.contents or (), strict=True):
        assert first.vectors.keys() == second.vectors.keys()
        for name, vector in first.vectors.items():
            np.testing.assert_array_equal(vector, second.vectors[name])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("transfer",), "trommel evaluate transfer --source A --target B"),
        (("transfer", "--source", "movielens-100k"), "trommel evaluate transfer --source A --target B"),
        (("movielens-100k", "--protocol", "ratings", "--source", "x"), "only with `trommel evaluate transfer`"),
        (("transfer", "--source", "a", "--target", "b", "--served"), "only with --protocol leave-one-out"),
        (("transfer", "--source", "nowhere", "--target", "nowhere"), "there is no nowhere"),
    ],
)
def test_wrong_usage_is_one_line(trommel: Callable[..., Any], arguments: tuple[str, ...], said: str) -> None:
    outcome = trommel("evaluate", *arguments)
    assert outcome.code != 0
    assert said in outcome.error_line
