from __future__ import annotations

from dataclasses import replace
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


async def test_every_source_that_proposes_is_told_by_its_own_name(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    outcome = await world.pipelines.generate.run(make_query(10, ("100", "101")))
    columns = world.pipelines.sources
    proposing = [name for name in outcome.selected.sources if name != "fresh"]
    assert proposing == list(columns[: len(proposing)]), "and the intent's among them"
    bits = np.uint32(1) << np.arange(10, dtype=np.uint32) % len(outcome.selected.sources)
    selected = replace(outcome.selected, source_masks=bits)
    message = pb.Candidates()
    fill_candidates(message, selected, columns, resolved(outcome.query).view.catalog, packed=False)
    for place, mask in enumerate(message.source_masks):
        told = [name for bit, name in enumerate(message.sources) if mask >> bit & 1]
        name = outcome.selected.sources[place % len(outcome.selected.sources)]
        assert told == ([] if name == "fresh" else [name]), "what filled up has no name"
