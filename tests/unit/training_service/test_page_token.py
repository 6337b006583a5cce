from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InvalidRequestError
from services.training.page_token import FIRST, PagePlace, decode, encode


@given(st.datetimes(timezones=st.just(UTC)), st.text(max_size=64))
def test_a_place_comes_back_as_it_was(time, entry_id):
    assert decode(encode(PagePlace(time, entry_id))) == PagePlace(time, entry_id)


def test_the_empty_token_is_the_start():
    assert decode("") == FIRST
    assert datetime.now(UTC) < FIRST.time


@given(st.text(min_size=1, max_size=512))
def test_anything_else_is_refused_and_nothing_else_raised(token):
    with pytest.raises(InvalidRequestError) as refused:
        decode(token)
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


@pytest.mark.parametrize("text", ["[]", '["2024-01-01T00:00:00", "x"]', '{"a": 1}', "1", '["no time", "x"]'])
def test_well_formed_nonsense_is_refused(text):
    with pytest.raises(InvalidRequestError, match="next_page_token of the page before"):
        decode(base64.urlsafe_b64encode(text.encode()).decode())
