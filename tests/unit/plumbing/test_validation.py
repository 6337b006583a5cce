from __future__ import annotations

import pytest
from trommel.ranking.v1 import ranking_pb2 as pb

from services.core.errors import FieldViolation, InvalidRequestError
from services.plumbing.validation import one_line, validate, violations_of


def test_a_right_message_has_no_violations() -> None:
    message = pb.RecommendRequest(user_id="u", count=10)
    assert violations_of(message) == ()
    validate(message)


def test_violations_name_fields_as_people_write_them() -> None:
    message = pb.RecommendRequest(user_id="u", count=10, filter=pb.SlateFilter(excluded_item_ids=["a", ""]))
    assert [violation.field for violation in violations_of(message)] == ["filter.excluded_item_ids[1]"]


def test_values_of_the_caller_are_never_repeated() -> None:
    secret = "hunter2" * 1000
    with pytest.raises(InvalidRequestError) as caught:
        validate(pb.RecommendRequest(user_id=secret, count=10))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.violations)


def test_one_line_names_three_and_counts_the_rest() -> None:
    violations = tuple(FieldViolation(f"field_{number}", "is wrong") for number in range(5))
    assert one_line(violations) == "field_0: is wrong; field_1: is wrong; field_2: is wrong (and 2 more)"
    assert one_line((FieldViolation("", "rule broken"),)) == "request: rule broken"
