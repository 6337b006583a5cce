"""Settings that the data decides: one configuration for all data sets, made concrete by counts alone.

Nothing here looks at what is held out; what only validation can decide (the epoch, the blend) is decided there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.training.sources import ease, lightgcn, mult_vae, texts
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import HISTORY_BUCKETS, TrainingConfig
from services.training.steps.training_cost import suitable_epochs

_COVERED_USERS = 0.99
# Interactions per item between which dropout falls from its highest to its lowest: where an item was seen a dozen
# times a vector learns the noise of its users by heart, where it was seen fifty times it hardly can.
_FEW, _MANY = 15.0, 50.0


def fitting(config: TrainingConfig, log: InteractionLog) -> TrainingConfig:
    """The configuration with history length, dropout and sources that suit the data.

    max_history: the least bucket that holds 99 % of the histories, at most what the configuration says.
    dropout, learning_rate: from their values for sparse data at 15 interactions per item or fewer to those for dense
    data at 50 or more.
    epochs: more where the data is small, and as many as the budget pays.
    sources: without "attributes" where nothing is known of the items, without "texts" where most of them say nothing,
    without "recency" where hardly anything is taken again, and without those whose cost grows with the catalogue where
    what they may cost does not buy a useful training.
    """
    settings = config.transformer
    lengths = np.diff(log.starts)
    lengths = lengths[lengths > 0]
    wanted = float(np.quantile(lengths, _COVERED_USERS)) if len(lengths) else 1.0
    longest = next((bucket for bucket in HISTORY_BUCKETS if bucket >= wanted), settings.max_history)
    per_item = len(log) / max(len(np.unique(log.rows)), 1)
    density = np.log(np.clip(per_item, _FEW, _MANY) / _FEW) / np.log(_MANY / _FEW)
    dense = float(density)
    dropout = settings.sparse_dropout + (settings.dropout - settings.sparse_dropout) * dense
    least_rate = min(settings.sparse_learning_rate, settings.learning_rate)
    rate = least_rate * (settings.learning_rate / least_rate) ** dense
    settings = replace(settings, max_history=min(longest, settings.max_history), dropout=dropout, learning_rate=rate)
    return replace(
        config,
        sources=tuple(name for name in config.sources if _suits(name, config, log)),
        transformer=replace(settings, epochs=suitable_epochs(settings, log)),
    )


def _suits(source: str, config: TrainingConfig, log: InteractionLog) -> bool:
    match source:
        case "attributes":
            return log.attributes is not None
        case "texts":
            return texts.speaks(log)
        case "recency":
            return log.repeats is not None and log.repeats.share >= config.recency.least_share
        case "ease":
            return ease.affordable(log, config)
        case "lightgcn":
            return lightgcn.affordable(log, config)
        case "mult_vae":
            return mult_vae.affordable(log, config)
        case _:
            return True
