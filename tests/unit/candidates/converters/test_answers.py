from __future__ import annotations

from pathlib import Path

import numpy as np
from trommel.candidates.v1 import candidates_pb2 as pb

from services.candidates.converters.answers import fill_candidates
from services.candidates.stages.resolved_query import resolved
from tests.unit.candidates.world import make_query, make_world


async def test_numbers_come_one_by_one_or_as_arrays(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    outcome = await world.pipelines.generate.run(make_query(40, ("100", "101")))
    catalog = resolved(outcome.query).view.catalog
    plain, packed = pb.Candidates(), pb.Candidates()
    fill_candidates(plain, outcome.selected, world.pipelines.sources, catalog, packed=False)
    fill_candidates(packed, outcome.selected, world.pipelines.sources, catalog, packed=True)
    assert not plain.HasField("packed")
    assert len(plain.source_scores) == 240
    assert len(plain.category_indexes) > 0
    for name, dtype in (
        ("source_masks", "<u4"),
        ("source_scores", "<f4"),
        ("category_offsets", "<u4"),
        ("category_indexes", "<u4"),
    ):
        assert np.frombuffer(getattr(packed.packed, name), dtype).tolist() == list(getattr(plain, name))
        assert not getattr(packed, name)
    assert np.frombuffer(packed.packed.rows, "<u4").tolist() == [int(item_id) for item_id in packed.item_ids]
    for name in ("item_ids", "titles", "categories", "sources"):
        assert list(getattr(packed, name)) == list(getattr(plain, name))
