"""A bundle as the candidates service loads it: item index, sources, ANN index, and how to ask the user encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.core.audience import Audience
from services.core.bundle import RANKER, USER_ENCODER, BundleError, BundleManifest, ModelEntry, verify_bundle
from services.core.content_map import ContentMap
from services.core.item_index import ItemIndex
from services.core.sources.registry import load_sources
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import Source
from services.core.text_encoder_files import TUNED_TEXT_ENCODER
from services.core.young_scenarios import YoungScenarios
from services.plumbing.text.text_tokens import TextTokens
from services.plumbing.usearch_index import UsearchIndex

# What counts where no model says otherwise: as much as a request can bring.
_MOST_HISTORY = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class CandidateBundle:
    """What one bundle brings.

    Attributes:
        version: Version of the bundle and of its models in Triton.
        index: Item id ↔ row.
        sources: Sources in the order of the ranker's features.
        user_encoder: How to ask the user encoder; None when the bundle has none.
        max_history: Newest interactions that count, for every source: so the ranker learnt their scores.
        content_map: From the content of items that the bundle does not know to vectors; None when it has none.
        audience: What contexts say of users without a history; None when it has none.
        young: The young scenarios; None when it knows none.
        text_tokens: Of the text encoder that was fine-tuned with the ranker; None when it has none.
    """

    version: str
    index: ItemIndex
    sources: tuple[Source, ...]
    user_encoder: ModelEntry | None
    max_history: int
    content_map: ContentMap | None = None
    audience: Audience | None = None
    young: YoungScenarios | None = None
    text_tokens: TextTokens | None = None

    def source(self, name: str) -> Source | None:
        """Return the source of that name, if the bundle has it."""
        return next((source for source in self.sources if source.name == name), None)


def load_candidate_bundle(path: Path, manifest: BundleManifest, exact_search_max_items: int) -> CandidateBundle:
    """Verify and read a bundle directory. Raises BundleError with what is wrong with it.

    Args:
        path: The bundle's directory.
        manifest: Its manifest.
        exact_search_max_items: Up to so many items the sequence source compares all instead of asking the ANN index.
    """
    verify_bundle(path)
    index = ItemIndex.load(path)
    ranker = manifest.models.get(RANKER)
    names = ranker.sources if ranker is not None and ranker.sources else manifest.sources
    sources = load_sources(path, names)
    for name, source in sources.items():
        if source.item_count != index.item_count:
            raise BundleError(
                f"bundle {manifest.version}: source {name} has {source.item_count} items, the index {index.item_count}"
            )
        if isinstance(source, SequenceSource) and index.item_count > exact_search_max_items:
            found = UsearchIndex.load(path, index.item_count, source.item_vectors.shape[1])
            sources[name] = source.with_index(found)
    user_encoder = manifest.models.get(USER_ENCODER)
    reader = ranker or user_encoder
    max_history = reader.max_history if reader is not None else _MOST_HISTORY
    content_map = ContentMap.load(path)
    if content_map is not None and user_encoder is not None and content_map.width != user_encoder.vector_size:
        raise BundleError(f"bundle {manifest.version}: its content map does not fit its user encoder")
    if content_map is not None and not content_map.fits(index.item_count):
        raise BundleError(f"bundle {manifest.version}: its content map does not fit its items")
    audience = Audience.load(path)
    if audience is not None and audience.lifts.shape[1] != index.item_count + 1:
        raise BundleError(f"bundle {manifest.version}: its audience does not fit its items")
    young = YoungScenarios.load(path)
    if young is not None and len(young.takers) != index.item_count + 1:
        raise BundleError(f"bundle {manifest.version}: its young scenarios do not fit its items")
    return CandidateBundle(
        manifest.version,
        index,
        tuple(sources.values()),
        user_encoder,
        max_history,
        content_map,
        audience,
        young,
        _text_tokens(path, manifest),
    )


def _text_tokens(path: Path, manifest: BundleManifest) -> TextTokens | None:
    entry = manifest.models.get(TUNED_TEXT_ENCODER)
    if entry is None:
        return None
    try:
        return TextTokens.load((path / entry.path).parent)
    except (OSError, ValueError) as error:
        raise BundleError(f"bundle {manifest.version}: its text encoder cannot be read: {error}") from error
