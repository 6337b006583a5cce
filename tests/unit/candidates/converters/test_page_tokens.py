from __future__ import annotations

import pytest

from services.candidates.converters.page_tokens import item_id_of, token_after
from services.core.errors import InvalidRequestError


@pytest.mark.parametrize("item_id", ["1", "ä/ö+?", "x" * 128])
def test_a_token_leads_back_to_its_item(item_id: str) -> None:
    token = token_after(item_id, "movies")
    assert item_id not in token or len(item_id) == 1
    assert len(token) <= 512
    assert item_id_of(token, "movies") == item_id


def test_no_token_is_the_first_page() -> None:
    assert item_id_of("", "movies") == ""


@pytest.mark.parametrize(
    "token", ["x", "!!!!", "AAAA", "ü", token_after("1", "books"), token_after("1", "movies")[:-2]]
)
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequestError, match="page_token") as caught:
        item_id_of(token, "movies")
    assert caught.value.violations[0].field == "page_token"
