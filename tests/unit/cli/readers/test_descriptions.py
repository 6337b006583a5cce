from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.cli_error import CliError
from services.cli.readers.descriptions import read_descriptions
from services.cli.readers.records import ItemRecord

ITEMS = {
    "1": ItemRecord(1, "1", "Toy Story (1995)", attributes={"year": 1995}),
    "2": ItemRecord(2, "2", "Postman, The (Il Postino) (1994)"),
    "3": ItemRecord(3, "3", "Heat", attributes={"year": 1995}),
    "4": ItemRecord(4, "4", "Nobody Knows"),
}


def plot(title: str, year: str, text: str) -> str:
    return "::".join(["9", title, year, "PG", "", "", "", "", "", text, "http://poster"])


def test_plots_are_joined_by_title_and_year(tmp_path: Path) -> None:
    path = tmp_path / "films.dat"
    rows = [
        plot("Toy Story", "1995", "A boy and his toys."),
        plot("The Postman", "1995", "A poet and his postman."),
        plot("Heat", "1986", "Another film of that name."),
        plot("Nobody Knows", "2004", "No year in the data set: which film is it?"),
        "broken::line",
    ]
    path.write_bytes("\r\n".join(rows).encode())
    assert read_descriptions(path, ITEMS) == {"1": "A boy and his toys.", "2": "A poet and his postman."}


def test_json_lines_name_their_items(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"item_id": 3, "text": "A thief."}\n\n{"item_id": "strange", "text": "x"}\n{"item_id": "1", "text": ""}\n'
    )
    assert read_descriptions(path, ITEMS) == {"3": "A thief."}


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "line 1: want"), ("[1]", "line 1: want"), ("no json", "line 1: want"), ("", "describes none")],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(text)
    with pytest.raises(CliError, match=said):
        read_descriptions(path, ITEMS)
    with pytest.raises(CliError, match="cannot be read"):
        read_descriptions(tmp_path / "missing.jsonl", ITEMS)
