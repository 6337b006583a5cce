from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.cli.cli_error import CliError
from services.cli.readers.descriptions import described, read_descriptions
from services.cli.readers.records import BadRow, Dataset, ItemRecord

ITEMS = {
    "1": ItemRecord(1, "1", "Toy Story (1995)", "Toys.", ("Children's",), {"year": 1995}),
    "3": ItemRecord(3, "3", "Heat", categories=("Crime",), attributes={"year": 1995}),
}


def test_json_lines_name_their_items(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"item_id": 3, "text": "A thief.", "categories": ["Thriller", "Crime"], '
        '"attributes": {"director": "Mann"}}\n\n'
        '{"item_id": "strange", "text": "x"}\n{"item_id": "1", "text": ""}\n'
    )
    heat = replace(
        ITEMS["3"], text="A thief.", categories=("Crime", "Thriller"), attributes={"year": 1995, "director": "Mann"}
    )
    assert read_descriptions(path, ITEMS) == {"3": heat}


def test_what_is_not_said_stays(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"item_id": "1", "text": null, "categories": ["Family"], "attributes": null}')
    assert read_descriptions(path, ITEMS) == {"1": replace(ITEMS["1"], categories=("Children's", "Family"))}


def test_a_data_set_keeps_its_rows_in_order(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"item_id": "3", "text": "A thief."}')
    bad = BadRow(2, "no title")
    dataset = Dataset("films", lambda: iter([ITEMS["1"], bad, ITEMS["3"]]), lambda: iter([]))
    assert list(described(dataset, path).items()) == [ITEMS["1"], bad, replace(ITEMS["3"], text="A thief.")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "line 1: want"),
        ('{"item_id": "1"}', "line 1: want"),
        ('{"item_id": "1", "categories": "Drama"}', "line 1: want"),
        ('{"item_id": "1", "attributes": ["Mann"]}', "line 1: want"),
        ("[1]", "line 1: want"),
        ("no json", "line 1: want"),
        ("", "describes none"),
        ('{"item_id": "strange", "text": "x"}', "describes none"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(text)
    with pytest.raises(CliError, match=said):
        read_descriptions(path, ITEMS)
    with pytest.raises(CliError, match="cannot be read"):
        read_descriptions(tmp_path / "missing.jsonl", ITEMS)
