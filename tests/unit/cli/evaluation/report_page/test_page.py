from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from services.cli.evaluation.report_page.page import render

HOSTILE = '<script>alert("1")</script>&$x_1$'
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and complains about what is not closed or closed twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def figures(ndcg: float, **others: float) -> dict[str, float]:
    return {
        "recall@10": 2 * ndcg,
        "ndcg@10": ndcg,
        "mrr@10": 0.7 * ndcg,
        "recall@100": 0.7,
        "coverage@10": 0.5,
        "recall@10_se": 0.011,
        "ndcg@10_se": 0.007,
        "gini@10": 0.8,
        "novelty@10": 9.2,
        "long_tail_share@10": 0.1,
        **others,
    }


def part(ndcg: float, change: float) -> dict[str, Any]:
    difference = {"recall@10": change, "recall@10_se": 0.002, "ndcg@10": change, "ndcg@10_se": 0.001}
    return {"recall@10": 2 * ndcg, "ndcg@10": ndcg, "difference": difference}


def evaluation() -> dict[str, Any]:
    by_group = {"recall@10": [0.1, 0.3], "recall@10_se": [0.01, 0.02], "recall@10_gap": 0.2}
    by_group |= {"ndcg@10": [0.05, 0.15], "ndcg@10_se": [0.01, 0.02], "ndcg@10_gap": 0.1}
    lists = {"popularity": by_group, "sequence": by_group, "ranker": by_group}
    paired = {"recall@10": 0.02, "recall@10_se": 0.004, "ndcg@10": 0.0123, "ndcg@10_se": 0.0034}
    quantiles = {"0": 5, "50": 7, "100": 90}
    epochs = [
        {"epoch": 1, "loss": 7.1, "learning_rate": 0.004, "validation_ndcg": None},
        {"epoch": 2, "loss": 6.2345, "learning_rate": 0.003, "validation_ndcg": 0.0654},
    ]
    return {
        "dataset": HOSTILE,
        "seed": 3,
        "interactions": 12345,
        "users": 943,
        "items": 1682,
        "bad_rows": 2,
        "command": "trommel evaluate here --protocol leave-one-out --seed 3",
        "versions": {"numpy": "2.0"},
        "test": {
            "popularity": figures(0.0417),
            "sequence": figures(0.1356),
            "candidates": {"recall@100": 0.5875, "recall@300": 0.8378, "recall@500": 0.9152, "mean_count": 412.0},
            "ranker": figures(0.1479, **{"map@10": 0.1123}),
        },
        "differences": {"of": "ranker", "against": {"popularity": paired, "sequence": paired}},
        "groups": {
            "by_popularity": {"names": ["never seen", "1"], "users": [60, 883], "lists": lists},
            "by_history_length": {"names": ["0-4", "5-9"], "users": [40, 903], "lists": lists},
        },
        "recall_curves": {
            "counts": [1, 10, 100, 500],
            "lists": {"popularity": [0, 0.1, 0.3], "ranker": [0.1, 0.3, 0.7], "candidates": [0.1, 0.2, 0.6, 0.9152]},
        },
        "ablation": {
            "users": 900,
            "full": {"recall@10": 0.3, "ndcg@10": 0.1601, "recall@10_se": 0.01, "ndcg@10_se": 0.009, "kind": "sum"},
            "logit": part(0.1502, -0.0099),
            "alone": {"popularity": part(0.0401, -0.12), "sequence": part(0.14, -0.02)},
            "without": {
                "popularity": part(0.1602, 0.0001),
                "sequence": part(0.1577, -0.0024),
                "transformer": part(0.1201, -0.04),
            },
        },
        "data": {
            "users": 943,
            "items": 1682,
            "interactions": 12345,
            "density": 0.0063,
            "repeats": 0.01,
            "attributes": 19,
            "history_lengths": quantiles,
            "item_counts": quantiles,
            "test_users": 943,
            "repeated_targets": 0.0,
            "unknown_targets": 0.01,
            "history_histogram": [{"from": 4, "to": 7, "users": 900}, {"from": 8, "to": 15, "users": 43}],
        },
        "training": {
            "config": {
                "sources": ["popularity", "sequence"],
                "transformer": {
                    "max_history": 32,
                    "dropout": 0.4,
                    "learning_rate": 0.004,
                    "epochs": 24,
                    "full_softmax_items": 5000,
                    "negatives": 1024,
                },
            },
            "epochs": 2,
            "best_epoch": 2,
            "blend": {"kind": "sum", "ndcg": {"off": 0.1502, "sum": 0.1601}},
            "curve": {
                "epochs": epochs,
                "finish": [{"epoch": 1, "loss": 6.1111, "learning_rate": 0.0005, "validation_ndcg": None}],
            },
        },
        "seconds": {"fit": 100.0, "test": 3.0, "training": {"epochs": [4.0, 5.0], "finish_epochs": [6.0]}},
    }


@pytest.fixture(scope="module")
def text() -> str:
    return render(evaluation(), "2026-01-01")


def test_it_is_one_whole_page(text: str) -> None:
    page = Page(text)
    assert page.count("html") == page.count("h1") == 1
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    linked = {str(a["href"])[1:] for tag, a in page.tags if tag in {"a", "use"} and str(a.get("href")).startswith("#")}
    assert linked <= set(ids)
    assert not re.search(r"url\(#(?!" + "|".join(map(re.escape, ids)) + r")", text)


def test_it_asks_nothing_of_any_network(text: str) -> None:
    assert "http" not in text.lower()
    assert not re.search(r"@import|url\((?!#)", text)
    for tag, attributes in Page(text).tags:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        assert all(str(attributes[name]).startswith("#") for name in ("src", "href") if name in attributes)


def test_names_of_strangers_are_text(text: str) -> None:
    assert "<script" not in text
    assert HOSTILE in Page(text).text
    hostile = evaluation()
    hostile["test"]["<b>source"] = figures(0.05)
    hostile["differences"]["against"]["<b>source"] = hostile["differences"]["against"]["sequence"]
    hostile["ablation"]["without"]["<b>source"] = part(0.1, -0.02)
    hostile["groups"]["by_popularity"]["lists"]["<b>source"] = hostile["groups"]["by_popularity"]["lists"]["sequence"]
    hostile["recall_curves"]["lists"]["<b>source"] = [0.1, 0.2, 0.3]
    hostile["command"] = "trommel evaluate '<i>'"
    page = Page(render(hostile, "<u>"))
    assert not {"b", "i", "u"} & {tag for tag, _ in page.tags}
    assert "'<i>'" in page.text


def test_it_holds_the_figures(text: str) -> None:
    said = Page(text).text
    for figure in ("0.1479", "0.1356", "0.0417", "± 0.0070", "0.9152", "+0.0123", "± 0.0034", "0.1123"):
        assert figure in said, figure
    for figure in ("0.1601", "0.1201", "−0.0400", "−0.0024", "0.1502"):  # ablation
        assert figure in said, figure
    for figure in ("6.2345", "0.0654", "6.1111", "943", "12,345", "0.630 %", "412"):
        assert figure in said, figure
    assert "trommel evaluate here --protocol leave-one-out --seed 3" in said
    assert "full cascade" in said.lower()


def test_plots_are_inline_described_and_of_the_pages_colours(text: str) -> None:
    page = Page(text)
    plots = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(plots) == page.count("figure") == 7
    assert all(plot["role"] == "img" and len(str(plot["aria-label"])) > 30 for plot in plots)
    assert "#0101" not in text, "a colour that the page does not know"
    assert "var(--ours)" in text
    assert page.count("text") > 50, "text in plots stays text"


def test_tables_have_headers(text: str) -> None:
    headers = [attributes for tag, attributes in Page(text).tags if tag == "th"]
    assert len(headers) > 50
    assert all(attributes.get("scope") in {"col", "row"} for attributes in headers)


def test_equal_figures_give_an_equal_page(text: str) -> None:
    assert render(evaluation(), "2026-01-01") == text


def test_what_was_not_measured_is_left_out() -> None:
    bare = evaluation()
    for name in ("groups", "recall_curves", "ablation", "data", "training", "versions", "command", "differences"):
        del bare[name]
    bare["seconds"] = {}
    page = Page(render(bare, "2026-01-01"))
    assert page.count("svg") == 1
    assert "0.1479" in page.text


def test_slate_heads_and_served_figures_are_shown_where_there_are_some() -> None:
    rich = evaluation()
    rich["test"]["slate"] = figures(0.1511)
    rich["served"] = {
        **figures(0.1512),
        "agreement@10": 0.99987,
        "users": 500,
        "p99_milliseconds": 12.34,
        "degraded_reasons": {},
        "offline": figures(0.1513),
    }
    bins = [
        {"lower": 0.0, "upper": 0.1, "count": 90, "mean_probability": 0.04, "share_positive": 0.05},
        {"lower": 0.3, "upper": 0.4, "count": 10, "mean_probability": 0.35, "share_positive": 0.3333},
    ]
    rich["test"]["heads"] = {
        "engage": {"auc": 0.8765, "calibration_error": 0.0123, "reliability": bins},
        "rating": {"rmse": 0.9432},
    }
    said = Page(render(rich, "2026-01-01")).text
    for figure in (
        "0.1511",
        "Final slate",
        "0.1512",
        "0.1513",
        "99.987 %",
        "12.34",
        "0.8765",
        "0.0123",
        "0.3333",
        "0.9432",
    ):
        assert figure in said, figure
