"""All sources by name: the one place that a new source is added to on the serving side."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from services.core.bundle import BundleError
from services.core.sources.attributes import AttributesSource
from services.core.sources.ease import EaseSource
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.lightgcn import LightGcnSource
from services.core.sources.matrix_factors import MatrixFactorsSource
from services.core.sources.mult_vae import MultVaeSource
from services.core.sources.popularity import PopularitySource
from services.core.sources.recency import RecencySource
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import Source
from services.core.sources.texts import TextsSource
from services.core.sources.transitions import TransitionsSource
from services.core.sources.user_knn import UserKnnSource

SOURCES: dict[str, type[Source]] = {
    source.name: source
    for source in (
        PopularitySource,
        ItemKnnSource,
        EaseSource,
        TransitionsSource,
        AttributesSource,
        TextsSource,
        MatrixFactorsSource,
        LightGcnSource,
        MultVaeSource,
        UserKnnSource,
        RecencySource,
        SequenceSource,
    )
}


def load_sources(bundle: Path, names: Iterable[str]) -> dict[str, Source]:
    """The named sources of a bundle, in the order of ``names``. Raises BundleError for an unknown name."""
    loaded: dict[str, Source] = {}
    for name in names:
        if name not in SOURCES:
            raise BundleError(f"bundle {bundle.name} has a source {name!r} that this software does not know")
        loaded[name] = SOURCES[name].load(bundle)
    return loaded
