"""EASE: what goes with what the user took, of a linear model that knows all items together."""

from __future__ import annotations

from typing import ClassVar

from services.core.sources.neighbours import NeighbourSource


class EaseSource(NeighbourSource):
    """Neighbours by the weights of a shallow autoencoder; what is explained once counts once."""

    name: ClassVar[str] = "ease"


NEIGHBOURS = EaseSource.neighbours_file()
WEIGHTS = EaseSource.weights_file()
