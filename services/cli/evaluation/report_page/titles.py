"""What lists are called in a page for people."""

from __future__ import annotations

_TITLES = {
    "attributes": "Attributes",
    "candidates": "Candidate stage",
    "ease": "EASE",
    "item_knn": "Item neighbours",
    "lightgcn": "LightGCN",
    "logit": "Transformer's score",
    "matrix_factors": "Matrix factors (ALS)",
    "mult_vae": "Mult-VAE",
    "popularity": "Popularity",
    "ranker": "Ranker",
    "sequence": "Sequence (Transformer)",
    "served": "Served slate",
    "slate": "Final slate",
    "transformer": "the Transformer",
    "texts": "Texts",
    "transitions": "Transitions",
    "user_knn": "User neighbours",
}


def title(name: str) -> str:
    """The title of a list or part by its name in the figures; a name that is not known is shown as words."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())
