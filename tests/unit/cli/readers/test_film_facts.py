from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.readers.film_facts import read_film_facts
from services.cli.readers.records import ItemRecord


def film(title: str, year: str, plot: str = "", *, genres: str = "N/A", director: str = "N/A", cast: str = "") -> str:
    return "::".join(["9", title, year, "PG", "", genres, director, "A. Writer (novel)", cast, plot, "http://poster"])


def told(tmp_path: Path, items: list[ItemRecord], *films: str) -> dict[str, ItemRecord]:
    path = tmp_path / "films.dat"
    path.write_bytes("\r\n".join(films).encode())
    return {item.item_id: item for item in read_film_facts(path, {item.item_id: item for item in items})}


def titled(title: str, year: int | None = None) -> ItemRecord:
    return ItemRecord(1, title, title, attributes={} if year is None else {"year": year})


def test_everything_that_is_known_of_a_film_is_told(tmp_path: Path) -> None:
    item = ItemRecord(1, "1", "Heat (1995)", "Own text.", ("Action", "Crime"), {"year": 1995, "certificate": "mine"})
    row = film("Heat", "1995", "A thief.", genres="Crime, Drama", director="Michael Mann", cast="Al Pacino, Jon Voight")
    heat = told(tmp_path, [item], row)["1"]
    assert (heat.title, heat.text, heat.categories) == ("Heat (1995)", "A thief.", ("Action", "Crime", "Drama"))
    assert heat.attributes == {
        "year": 1995,
        "certificate": "mine",
        "director": "Michael Mann",
        "writers": "A. Writer (novel)",
        "cast": "Al Pacino, Jon Voight",
    }


def test_what_the_file_does_not_know_stays(tmp_path: Path) -> None:
    item = ItemRecord(1, "1", "Heat (1995)", "Own text.", ("Crime",))
    heat = told(tmp_path, [item], film("Heat", "1995", "N/A"))["1"]
    assert (heat.text, heat.categories, heat.attributes.keys()) == ("Own text.", ("Crime",), {"certificate", "writers"})


@pytest.mark.parametrize(
    ("item", "row"),
    [
        (titled("Toy Story (1995)", 1995), film("Toy Story", "1995")),
        (titled("Postman, The (Il Postino) (1994)"), film("The Postman", "1995")),
        (ItemRecord(1, "Heat", "Heat", attributes={"year": "1995"}), film("Heat", "1995")),
        (ItemRecord(1, "Heat", "Heat (1995)", attributes={"year": "mid-nineties"}), film("Heat", "1995")),
        (titled("Dumb & Dumber (1994)"), film("Dumb and Dumber", "1994")),
        (titled("Star Wars (1977)"), film("Star Wars: Episode IV - A New Hope", "1977")),
        (titled("Monty Python's Life of Brian (1979)"), film("Life of Brian", "1979")),
        (titled("Professional, The (1994)"), film("Léon: The Professional", "1994")),
        (titled("Nikita (La Femme Nikita) (1990)"), film("La Femme Nikita", "1990")),
        (titled("Wooden Man's Bride, The (Wu Kui) (1994)"), film("Wu kui", "1994")),
    ],
)
def test_titles_are_the_same_however_they_are_written(tmp_path: Path, item: ItemRecord, row: str) -> None:
    assert item.item_id in told(tmp_path, [item], row, film("Another Film", "1994"))


@pytest.mark.parametrize(
    ("items", "rows"),
    [
        ([titled("Heat", 1995)], [film("Heat", "1986")]),
        ([titled("Heat")], [film("Heat", "1995")]),
        ([titled("Big Bang Theory, The (1994)")], [film("Bang", "1994")]),
        ([titled("Anna (1996)")], [film("Anna Oz", "1996")]),
        ([titled("Land Before Time III (1995)")], [film("The Land Before Time II", "1995")]),
        # Which of the two?
        ([titled("Naked Gun (1994)")], [film("The Naked Gun One", "1994"), film("The Naked Gun Two", "1994")]),
        ([titled("Heat", 1995)], ["broken::line", film("Heat", "none")]),
        ([titled("!!! (1995)")], [film("???", "1995")]),
    ],
)
def test_other_films_are_left_alone(tmp_path: Path, items: list[ItemRecord], rows: list[str]) -> None:
    assert told(tmp_path, items, *rows) == {}


def test_a_film_of_that_very_title_is_nobody_elses(tmp_path: Path) -> None:
    found = told(tmp_path, [titled("Die Hard (1988)"), titled("Die Hard: Again (1988)")], film("Die Hard", "1988"))
    assert found.keys() == {"Die Hard (1988)"}
