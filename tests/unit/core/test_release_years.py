"""When what is wanted came out, read out of how people say it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.intent import Intent, parse_intent
from services.core.release_years import UNKNOWN_YEAR, ReleaseYears, read_release_years

OPEN = ReleaseYears()


@pytest.mark.parametrize(
    ("phrase", "first", "last", "left"),
    [
        ("a war film from the 1940s", 1940, 1949, "a war film"),
        ("films made in the fifties", 1950, 1959, "films"),
        ("an 80s action movie", 1980, 1989, "an action movie"),
        ("’60s rock", 1960, 1969, "rock"),
        ("early nineties thrillers", 1990, 1993, "thrillers"),
        ("mid-nineties hits", 1994, 1996, "hits"),
        ("westerns before 1960", OPEN.first, 1959, "westerns"),
        ("a comedy from before the sixties", OPEN.first, 1959, "a comedy"),
        ("something older than 1960", OPEN.first, 1959, "something"),
        ("songs until 1970", OPEN.first, 1970, "songs"),
        ("novels after the nineties", 2000, OPEN.last, "novels"),
        ("since 1990", 1990, OPEN.last, ""),
        ("from the 70s on", 1970, OPEN.last, ""),
        ("a musical made between 1950 and 1960", 1950, 1960, "a musical"),
        ("films from 1939-1945", 1939, 1945, "films"),
        ("from the late 1960s to the early 1970s", 1967, 1973, ""),
        ("1939 movies", 1939, 1939, "movies"),
        ("jazz from after 1950, before 1960", 1951, 1959, "jazz ,"),
    ],
)
def test_years_are_read_and_taken_out(phrase: str, first: int, last: int, left: str) -> None:
    years, rest = read_release_years(phrase)
    assert years == ReleaseYears(first, last)
    assert " ".join(rest.split()) == left


@pytest.mark.parametrize(
    "phrase",
    [
        "a film set in the 1940s",
        "life in the sixties",
        "people in their thirties",
        "romance in 1930s Shanghai",
        "the roaring twenties",
        "2001: A Space Odyssey",
        "2001 a space odyssey",
        "1984",
        "World War Two 1939-1945",
        "old man and the sea",
        "old friends in a comedy",
        "new york comedy",
        "period drama from a classic English novel",
        "90 minutes of fun",
        "",
    ],
)
def test_what_is_no_time_of_release_is_left(phrase: str) -> None:
    assert read_release_years(phrase) == (None, phrase)


@pytest.mark.parametrize(
    ("phrase", "tendency"),
    [
        ("old black and white detective mystery", "old"),
        ("an old Hollywood musical", "old"),
        ("a classic musical with lots of singing", "old"),
        ("a recent comedy", "new"),
        ("newest films", "new"),
    ],
)
def test_old_and_new_stay_in_the_phrase(phrase: str, tendency: str) -> None:
    years, rest = read_release_years(phrase)
    assert years is not None
    assert (years.tendency, rest) == (tendency, phrase)


def test_an_intent_is_taken_apart_with_its_years() -> None:
    assert parse_intent("a thriller from the nineties, not violent") == Intent(
        "a thriller", "violent", ReleaseYears(1990, 1999)
    )
    assert parse_intent("a comedy, nothing before 1980") == Intent("a comedy", "", None, ReleaseYears(OPEN.first, 1979))
    only = parse_intent("I'd like something from the seventies")
    assert only == Intent("", "", ReleaseYears(1970, 1979))
    assert only.asks
    assert not parse_intent("nothing old").asks


def test_the_distance_grows_with_the_years_and_is_half_where_none_is_known() -> None:
    years = np.array([1955, 1960, 1962, 1975, UNKNOWN_YEAR], np.int16)
    np.testing.assert_allclose(ReleaseYears(1950, 1959).distance(years), [0, 0.2, 0.6, 1, 0.5], rtol=1e-6)
    np.testing.assert_allclose(ReleaseYears(first=1962).distance(years), [1, 0.4, 0, 0, 0.5], rtol=1e-6)
    # Beside what else there is: the share of the others that are older, or newer.
    np.testing.assert_allclose(ReleaseYears(tendency="old").distance(years), [0, 0.25, 0.5, 0.75, 0.5], rtol=1e-6)
    np.testing.assert_allclose(ReleaseYears(tendency="new").distance(years), [0.75, 0.5, 0.25, 0, 0.5], rtol=1e-6)


def test_no_years_at_all_leave_everything_alike() -> None:
    unknown = np.zeros(3, np.int16)
    for asked in (ReleaseYears(1950, 1959), ReleaseYears(tendency="old")):
        assert asked.distance(unknown).tolist() == [0.5, 0.5, 0.5]
    assert not len(ReleaseYears(tendency="new").distance(np.empty(0, np.int16)))


@given(
    st.lists(st.sampled_from(["from the", "before", "1990", "80s", "early", "sixties", "to", "-", "old", "film", "é"]))
)
def test_whatever_is_said_what_is_left_was_in_it(words: list[str]) -> None:
    phrase = " ".join(words)
    years, left = read_release_years(phrase)
    assert not (Counter(left.split()) - Counter(phrase.split()))
    assert years is not None or left == phrase
