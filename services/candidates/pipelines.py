"""The pipelines of one bundle: generate, hydrate and find similar items; and which bundle a request gets."""

from __future__ import annotations

from dataclasses import dataclass

from services.candidates.bundles.aligned_catalog import AlignedCatalog
from services.candidates.bundles.newcomers import Newcomers
from services.candidates.catalog.replica import CatalogReplica
from services.core.errors import NotFoundError, PreconditionError, UnavailableError
from services.core.pipeline.runner import Pipeline
from services.plumbing.bundle_watcher import LoadedBundles
from services.plumbing.text.text_encoder import TextEncoder


@dataclass(frozen=True, slots=True)
class BundlePipelines:
    """What one bundle can do.

    Attributes:
        version: The bundle's version, empty for what is served without one.
        sources: Names of the sources, in the order of the ranker's features.
        generate: Proposes items for a user.
        hydrate: Scores items that the caller names.
        similar: Finds items like one item; None when the bundle has no source for that.
        aligned: The catalog as the bundle sees it.
        newcomers: Items that the bundle does not know, by content; None when it has no content map.
        text_encoder: The bundle's own, which their contents are read with besides; None when it has none.
    """

    version: str
    sources: tuple[str, ...]
    generate: Pipeline
    hydrate: Pipeline
    similar: Pipeline | None
    aligned: AlignedCatalog
    newcomers: Newcomers | None = None
    text_encoder: TextEncoder | None = None


class PipelineChooser:
    """Chooses the bundle whose pipelines answer."""

    def __init__(
        self, loaded: LoadedBundles[BundlePipelines], without_bundle: BundlePipelines, replica: CatalogReplica
    ) -> None:
        self._loaded = loaded
        self._without_bundle = without_bundle
        self._replica = replica

    def for_versions(self, versions: tuple[str, ...]) -> BundlePipelines:
        """Return the first of the wanted bundles that is loaded, the active one if none is named.

        While no bundle is loaded at all, what the catalog alone can offer.

        Raises:
            PreconditionError: Bundles are loaded, but none of the wanted ones.
        """
        if not self._loaded.versions:
            return self._without_bundle
        found = self._loaded.first_of(versions)
        if found is None:
            raise PreconditionError(
                f"none of the wanted bundle versions is loaded; loaded are {', '.join(self._loaded.versions)}"
            )
        return found[1]

    def for_similar(self, item_id: str) -> tuple[BundlePipelines, Pipeline]:
        """Return the active bundle's pipelines and the one that finds similar items.

        Raises:
            NotFoundError: The catalog has no such item.
            PreconditionError: No bundle is loaded that could tell.
            UnavailableError: The catalog could not be read yet.
        """
        if self._replica.snapshot.revision is None:
            raise UnavailableError("the catalog cannot be read yet; try again")
        if not self._replica.snapshot.has(item_id):
            raise NotFoundError("the catalog has no item of this id")
        active = self._loaded.active()
        if active is None or active[1].similar is None:
            raise PreconditionError("no bundle with item similarities is active yet; train one first")
        return active[1], active[1].similar
