from __future__ import annotations

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from trommel.catalog.v1 import catalog_pb2 as pb

from services.candidates.converters.items import item_from_message, item_message
from services.core.errors import InvalidRequestError


def full_item() -> pb.Item:
    item = pb.Item(
        id="1",
        scenario="movies",
        title="Toy Story",
        text="Toys come alive.",
        categories=["Animation", "Children"],
        available_from=Timestamp(seconds=-62_135_596_800),
        available_until=Timestamp(seconds=253_402_300_799, nanos=999_999_000),
        vectors={"image": pb.ContentVector(values=[0.1, 2.0])},
    )
    item.attributes.update(
        {"year": 1995, "tags": ["a", None, True], "studio": {"name": "Pixar — ü"}, "text": "\\u0000"}
    )
    return item


def test_an_item_survives_the_way_there_and_back() -> None:
    assert item_message(item_from_message(full_item())) == full_item()


def test_an_item_needs_its_id_only() -> None:
    item = item_from_message(pb.Item(id="1"))
    assert (item.scenario, item.categories, item.attributes) == ("default", (), "{}")
    assert item.available_from_microseconds is None
    assert item_message(item) == pb.Item(id="1", scenario="default")
    assert np.array_equal(item_from_message(full_item()).vectors["image"], np.array([0.1, 2.0], np.float32))


def changed(**fields: object) -> pb.Item:
    item = full_item()
    for name, value in fields.items():
        if isinstance(value, Timestamp):
            getattr(item, name).CopyFrom(value)
        elif isinstance(value, dict):
            getattr(item, name).update(value)
        elif isinstance(value, list):
            del getattr(item, name)[:]
            getattr(item, name).extend(value)
        else:
            setattr(item, name, value)
    return item


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (changed(id=""), "^id: "),
        (changed(id="a\x00b"), "^id: "),
        (changed(title="x" * 1025), "^title: must be at most 1024 bytes"),
        (changed(title="a\x00b"), "U\\+0000"),
        (changed(attributes={"a": "b\x00"}), "U\\+0000"),
        (changed(categories=["a", "a"]), "^categories: "),
        (changed(available_until=Timestamp(seconds=-62_135_596_800)), "^available_from: must be before"),
        (changed(available_from=Timestamp(seconds=10**15)), "^available_from: must lie"),
        (changed(available_until=Timestamp(seconds=1, nanos=-1)), "^available_until: must lie"),
        (changed(attributes={"a": float("nan")}), "^attributes: numbers must be finite"),
        (changed(attributes={"a": "x" * 70_000}), "^attributes: must be at most"),
        (pb.Item(id="1", vectors={"image": pb.ContentVector(values=[float("inf")])}), "vectors"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(item: pb.Item, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        item_from_message(item)
    assert "\n" not in str(caught.value)
