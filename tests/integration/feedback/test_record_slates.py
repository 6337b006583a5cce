"""RecordSlates: the serve-time log, each slate once."""

from __future__ import annotations

import grpc
import pytest
from trommel.feedback.v1 import feedback_pb2 as pb


def make_slate(request_id="r1", **fields):
    slate = pb.SlateRecord(
        request_id=request_id,
        user_id="u",
        scenario="movies/home",
        bundle_version="20260101000000",
        policy="default",
        context={"device": "tv", "quote": '"\\'},
        history_item_ids=["h1", "h2"],
        item_ids=["a", "b"],
        scores=[0.5, 0.25],
        feature_names=["x", "y", "z"],
        features=[1, 2, 3, 4, 5, float("-inf")],
        degraded_reasons=["ranker_away"],
    )
    slate.time.FromMicroseconds(1_700_000_000_000_001)
    for name, value in fields.items():
        if isinstance(value, list):
            slate.ClearField(name)
            getattr(slate, name).extend(value)
        else:
            setattr(slate, name, value)
    return slate


async def test_a_slate_is_kept_as_it_was_served_once(feedback, database, tenant):
    slates = [make_slate("r1"), make_slate("r2"), make_slate("r1")]
    assert (await feedback.RecordSlates(pb.RecordSlatesRequest(slates=slates))).recorded_count == 2
    assert (await feedback.RecordSlates(pb.RecordSlatesRequest(slates=slates))).recorded_count == 0
    columns = (
        "request_id, user_id, scenario, extract(epoch FROM served_at) * 1000000, bundle_version, policy, context, "
        "history_item_ids, item_ids, scores, feature_names, features, degraded_reasons"
    )
    kept = database.execute(f"SELECT {columns} FROM slates WHERE tenant = %s ORDER BY request_id", (tenant,)).fetchall()
    assert kept == [
        (
            request_id,
            "u",
            "movies/home",
            1_700_000_000_000_001,
            "20260101000000",
            "default",
            {"device": "tv", "quote": '"\\'},
            ["h1", "h2"],
            ["a", "b"],
            [0.5, 0.25],
            ["x", "y", "z"],
            [1, 2, 3, 4, 5, float("-inf")],
            ["ranker_away"],
        )
        for request_id in ("r1", "r2")
    ]


async def test_nul_in_what_a_caller_said_costs_no_slate(feedback, database, tenant):
    slate = make_slate()
    slate.context["a\0"] = "b\0"
    assert (await feedback.RecordSlates(pb.RecordSlatesRequest(slates=[slate]))).recorded_count == 1
    ((context,),) = database.execute("SELECT context FROM slates WHERE tenant = %s", (tenant,)).fetchall()
    assert context["a�"] == "b�"


@pytest.mark.parametrize(("field", "value"), [("scores", [1.0]), ("features", [1.0] * 5), ("feature_names", ["x"] * 4)])
async def test_columns_that_do_not_fit_together_are_refused(feedback, database, tenant, field, value):
    slates = [make_slate("good"), make_slate("bad", **{field: value})]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await feedback.RecordSlates(pb.RecordSlatesRequest(slates=slates))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details().startswith("slates[1].")
    assert database.execute("SELECT count(*) FROM slates WHERE tenant = %s", (tenant,)).fetchone() == (0,)
