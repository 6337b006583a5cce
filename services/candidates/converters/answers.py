"""What the pipelines came to → responses of CandidateService."""

from __future__ import annotations

import numpy as np
from trommel.candidates.v1 import candidates_pb2 as pb

from services.candidates.catalog.snapshot import CatalogSnapshot
from services.candidates.converters.packed_fields import packed_field, varints
from services.core.candidate_set import ITEM_KEY, CandidateSet
from services.core.pipeline.roles import SourceOutcome

_SOURCE_MASKS, _SOURCE_SCORES, _CATEGORY_OFFSETS, _CATEGORY_INDEXES = (
    pb.Candidates.DESCRIPTOR.fields_by_name[name].number
    for name in ("source_masks", "source_scores", "category_offsets", "category_indexes")
)
_STATUSES = {
    "answered": pb.SourceOutcome.STATUS_ANSWERED,
    "late": pb.SourceOutcome.STATUS_LATE,
    "failed": pb.SourceOutcome.STATUS_FAILED,
    "disabled": pb.SourceOutcome.STATUS_DISABLED,
}


def fill_candidates(
    message: pb.Candidates,
    candidates: CandidateSet,
    sources: tuple[str, ...],
    catalog: CatalogSnapshot,
    *,
    packed: bool,
) -> None:
    """Write candidates with the columns ITEM_KEY (slots), "row" and "source_scores" (float32 [C, S]) into an empty one.

    Args:
        message: Part of the answer: written in place, as setting it would copy all of it.
        candidates: What to send, in order.
        sources: The S names the scores belong to, those that propose first. Masks keep the bits whose names stand in
            the same place on both sides: what another filled up with has none.
        catalog: Where the slots lie.
        packed: Whether the caller reads numbers as arrays.
    """
    message.sources.extend(sources)
    if not len(candidates):
        message.category_offsets.append(0)
        return
    slots = candidates.columns[ITEM_KEY].astype(np.int32, copy=False)
    names, offsets, indexes = catalog.categories.gather(catalog.category_sets[slots])
    message.item_ids.extend(candidates.item_ids.tolist())
    message.titles.extend(catalog.titles[slots].tolist())
    message.categories.extend(names)
    named = sum(
        1 << bit for bit, (own, name) in enumerate(zip(candidates.sources, sources, strict=False)) if own == name
    )
    masks = candidates.source_masks & np.uint32(named)
    scores = candidates.columns["source_scores"].astype("<f4", copy=False).tobytes()
    if packed:
        message.packed.source_masks = masks.astype("<u4", copy=False).tobytes()
        message.packed.source_scores = scores
        message.packed.category_offsets = offsets.astype("<u4").tobytes()
        message.packed.category_indexes = indexes.astype("<u4").tobytes()
        message.packed.rows = candidates.columns["row"].astype("<u4").tobytes()
        return
    message.MergeFromString(
        packed_field(_SOURCE_MASKS, varints(masks))
        + packed_field(_SOURCE_SCORES, scores)
        + packed_field(_CATEGORY_OFFSETS, varints(offsets))
        + packed_field(_CATEGORY_INDEXES, varints(indexes))
    )


def outcome_messages(outcomes: tuple[SourceOutcome, ...]) -> list[pb.SourceOutcome]:
    """Return how the sources fared."""
    return [
        pb.SourceOutcome(
            source=outcome.source, status=_STATUSES[outcome.status], candidate_count=outcome.candidate_count
        )
        for outcome in outcomes
    ]


def similar_messages(candidates: CandidateSet, catalog: CatalogSnapshot) -> list[pb.SimilarItem]:
    """Return candidates with the columns ITEM_KEY (slots) and "score" as similar items."""
    if not len(candidates):
        return []
    titles = catalog.titles[candidates.columns[ITEM_KEY].astype(np.int32, copy=False)]
    columns = zip(candidates.item_ids, titles, candidates.columns["score"].tolist(), strict=True)
    return [pb.SimilarItem(item_id=item_id, title=title, score=score) for item_id, title, score in columns]
