"""Item scenarios: which items a request for a scenario may be shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleDraft, BundleError, read_array
from services.core.query import DEFAULT_SCENARIO

NAMES = "scenarios/names.json"
NUMBERS = "scenarios/numbers.npy"


def scenarios_of(scenario: str, known: Collection[str]) -> list[str]:
    """Return which items' scenarios a request's covers, itself first: "films/home", then "films".

    Empty where it narrows nothing: the default one does not, and neither does one that no item belongs to, as the name
    of a page that shows everything. known: the scenarios that items belong to.
    """
    if scenario == DEFAULT_SCENARIO:
        return []
    parts = scenario.split("/")
    paths = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return [path for path in paths if path in known]


def read_scenario_names(bundle: Path, name: str) -> tuple[str, ...] | None:
    """Return the scenarios that a file of the bundle names; None where there is no such file. Raises BundleError."""
    path = bundle / name
    if not path.is_file():
        return None
    try:
        return tuple(str(scenario) for scenario in json.loads(path.read_text("utf-8"))["names"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{name} does not name scenarios: {error!r}") from error


@dataclass(frozen=True, slots=True)
class ItemScenarios:
    """names: of the scenarios. numbers: int32 [N+1], an item's place among the names, by row or slot."""

    names: tuple[str, ...]
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, scenarios: Sequence[str]) -> Self | None:
        """Return the scenarios of items; None where all are of the default one. An empty name means that."""
        given = [scenario or DEFAULT_SCENARIO for scenario in scenarios]
        names = tuple(sorted(set(given)))
        if names in ((), (DEFAULT_SCENARIO,)):
            return None
        places = {name: place for place, name in enumerate(names)}
        return cls(names, np.array([places[name] for name in given], dtype=np.int32))

    def shown_in(self, scenario: str) -> NDArray[np.bool_] | None:
        """Return bool [N+1]: which items a request may be shown; None where it narrows nothing."""
        wanted = scenarios_of(scenario, self.names)
        if not wanted:
            return None
        return np.isin(self.numbers, [self.names.index(name) for name in wanted])

    def save(self, draft: BundleDraft) -> None:
        """Write what ``load`` reads."""
        draft.save_json(NAMES, {"names": list(self.names)})
        draft.save_array(NUMBERS, self.numbers)

    @classmethod
    def load(cls, bundle: Path) -> Self | None:
        """Read those of a bundle's items; None where it tells of none. Raises BundleError."""
        names = read_scenario_names(bundle, NAMES)
        if names is None:
            return None
        numbers = read_array(bundle, NUMBERS)
        if numbers.ndim != 1 or (len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(names)):
            raise BundleError(f"{NAMES} and {NUMBERS} do not fit together")
        return cls(names, numbers.astype(np.int32, copy=False))
