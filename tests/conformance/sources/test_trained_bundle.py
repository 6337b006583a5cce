"""Every source, fitted into a bundle as training does it and loaded as the candidates service does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.core.bundle import bundle_path, read_manifest
from services.core.content_space import ItemContent
from services.core.sources.registry import SOURCES
from services.core.sources.source import History
from services.core.text_encoder_files import TEXT
from services.training.sources.registry import FITTINGS
from services.training.steps.bundle import fit_bundle
from services.training.steps.fit_config import LightGcnConfig, MultVaeConfig
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.repeats import Repeats
from tests.circle_walks import CONFIG, circle_log


def test_every_source_is_served_as_it_was_fitted(tmp_path: Path) -> None:
    log = circle_log()
    names = [(), *(["low"] if row <= log.item_count // 2 else ["high"] for row in range(1, log.item_count + 1))]
    repeats = Repeats(0.5, np.linspace(0.0, 0.5, log.item_count + 1, dtype=np.float32), 1.0)
    said = np.random.default_rng(0).normal(size=(log.item_count + 1, 8)).astype(np.float32)
    contents = [ItemContent(), *(ItemContent({TEXT: vector}) for vector in said[1:])]
    log = replace(log, attributes=ItemAttributes.from_names(names), repeats=repeats, contents=contents)
    config = replace(
        CONFIG,
        sources=tuple(SOURCES),
        # All of them serve, whatever they bring.
        optional_sources=(),
        least_selecting_users=1_000_000,
        transformer=replace(CONFIG.transformer, epochs=1),
        lightgcn=LightGcnConfig(vector_size=8, steps=3),
        mult_vae=MultVaeConfig(hidden=8, latent=4, epochs=2),
    )
    fit_bundle(log, config, tmp_path, "1", lambda progress: None)
    path = bundle_path(tmp_path, "1")
    bundle = load_candidate_bundle(path, read_manifest(path), exact_search_max_items=1000)
    assert tuple(source.name for source in bundle.sources) == tuple(SOURCES)
    history = History.of(np.array([3, 5, 6], dtype=np.int32))
    for name, fitting in FITTINGS.items():
        served = bundle.source(name)
        assert served is not None
        np.testing.assert_array_equal(served.score(history), fitting.fit(log, config).score(history), name)
