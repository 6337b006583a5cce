"""What the pipelines came to → responses of CandidateService."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from trommel.candidates.v1 import candidates_pb2 as pb

from services.candidates.catalog.snapshot import CatalogSnapshot
from services.core.candidate_set import ITEM_KEY, CandidateSet
from services.core.pipeline.roles import SourceOutcome

_SOURCE_SCORES_FIELD = pb.Candidates.DESCRIPTOR.fields_by_name["source_scores"].number
_LENGTH_DELIMITED = 2
_STATUSES = {
    "answered": pb.SourceOutcome.STATUS_ANSWERED,
    "late": pb.SourceOutcome.STATUS_LATE,
    "failed": pb.SourceOutcome.STATUS_FAILED,
    "disabled": pb.SourceOutcome.STATUS_DISABLED,
}


def candidates_message(candidates: CandidateSet, sources: tuple[str, ...], catalog: CatalogSnapshot) -> pb.Candidates:
    """Return candidates with the columns ITEM_KEY (slots) and "source_scores" (float32 [C, S]) as a message.

    Args:
        candidates: What to send, in order.
        sources: The S names the scores belong to. Masks keep these bits only: what another filled up with has none.
        catalog: Where the slots lie.
    """
    if not len(candidates):
        return pb.Candidates(sources=sources, category_offsets=[0])
    slots = candidates.columns[ITEM_KEY].astype(np.int32, copy=False)
    names, offsets, indexes = catalog.categories.gather(catalog.category_sets[slots])
    message = pb.Candidates(
        item_ids=candidates.item_ids.tolist(),
        sources=sources,
        source_masks=(candidates.source_masks & np.uint32((1 << len(sources)) - 1)).tolist(),
        titles=catalog.titles[slots].tolist(),
        categories=names,
        category_offsets=offsets.tolist(),
        category_indexes=indexes.tolist(),
    )
    message.MergeFromString(_packed_floats(_SOURCE_SCORES_FIELD, candidates.columns["source_scores"]))
    return message


def _packed_floats(field_number: int, values: NDArray[np.generic]) -> bytes:
    """Return a repeated float field as it stands on the wire: thousands of floats without a Python object each."""
    data = values.astype("<f4", copy=False).tobytes()
    return _varint(field_number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


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
