"""Snapshot: one consistent picture of the events and the catalog, as the columns that fitting works on."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import psycopg
from numpy.typing import NDArray

from services.core.content_space import Float32, ItemContent, numbers_in
from services.core.history_events import RATING
from services.core.item_scenarios import ItemScenarios
from services.plumbing.text.item_text import item_text
from services.training.steps.examples import InteractionLog
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.saved_contents import columns_of, contents_in

INTERACTION_TYPES = (2, 3, 4, 6, 7)
"""click, view, like, rating, purchase: what a user took. Impressions and refusals are no interactions."""

_FETCH_ROWS = 20_000
_FETCH_VECTORS = 500

_ITEMS = """
SELECT known.item_id, items.categories, items.attributes::text, items.scenario, items.title,
    CASE WHEN %(texts)s THEN items.text ELSE '' END FROM (
    SELECT item_id FROM items WHERE tenant = %(tenant)s AND deleted_at IS NULL
    UNION SELECT item_id FROM events WHERE tenant = %(tenant)s AND type = ANY(%(types)s)
) AS known LEFT JOIN items ON items.tenant = %(tenant)s AND items.item_id = known.item_id
"""
_VECTORS = """
SELECT item_id, name, "values" FROM item_vectors WHERE tenant = %(tenant)s
"""
_EVENTS = """
SELECT user_id, item_id, (extract(epoch FROM event_time) * 1000000)::bigint, type, value, scenario FROM events
 WHERE tenant = %(tenant)s AND type = ANY(%(types)s) ORDER BY event_time, seq
"""


# The newest slates are enough to know whoever comes, and few enough to read: their index is by time.
_CONTEXTS = """
SELECT user_id, context::text FROM (
    SELECT user_id, context FROM slates WHERE tenant = %(tenant)s ORDER BY served_at DESC LIMIT 500000
) AS newest WHERE context <> '{}'
"""


class Snapshot(NamedTuple):
    """What a run trains on.

    log: the interactions, in event-time order with ties in the order in which events were received.
    scenario_ids: the scenarios they come from, sorted.
    """

    log: InteractionLog
    scenario_ids: tuple[str, ...]


class TooLittleDataError(Exception):
    """There is not enough to train on; the text is one line that says what is needed."""


def take_snapshot(database_url: str, tenant: str, *, texts: bool = False) -> Snapshot:
    """Read everything in one read-only transaction; what is recorded meanwhile belongs to the next run.

    Items are the catalog's, less what was deleted, and all that somebody took; in order of their ids. texts: whether
    the log shall have them, which takes as much memory as they are long.

    Raises:
        psycopg.Error: The database is away.
    """
    values = {"tenant": tenant, "types": list(INTERACTION_TYPES), "texts": texts}
    written: dict[str, str] = {}
    with psycopg.connect(database_url, connect_timeout=5, application_name="trommel-snapshot") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.cursor(name="items") as cursor:
            cursor.itersize = _FETCH_ROWS
            known = {}
            for item_id, given, attributes, scenario, title, text in cursor.execute(_ITEMS, values):
                names = tuple(given or ())
                known[str(item_id)] = (names, numbers_in(json.loads(attributes or "{}")), scenario or "")
                if texts:
                    written[str(item_id)] = item_text(title or "", names, text or "")
        ids = sorted(known)
        rows_of_items = {item_id: row for row, item_id in enumerate(ids, start=1)}
        vectors: dict[str, dict[str, Float32]] = {item_id: {} for item_id in ids}
        with connection.cursor(name="vectors", binary=True) as cursor:
            cursor.itersize = _FETCH_VECTORS
            for item_id, name, given in cursor.execute(_VECTORS, values):
                if item_id in vectors:
                    vectors[item_id][name] = np.array(given, np.float32)
        numbers_of_users: dict[str, int] = {}
        scenarios: set[str] = set()
        users, rows, times, types, ratings = array("i"), array("i"), array("q"), array("b"), array("f")
        with connection.cursor(name="events") as cursor:
            cursor.itersize = _FETCH_ROWS
            for user_id, item_id, time, kind, value, scenario in cursor.execute(_EVENTS, values):
                users.append(numbers_of_users.setdefault(user_id, len(numbers_of_users)))
                rows.append(rows_of_items[item_id])
                times.append(time)
                types.append(kind)
                ratings.append(value if kind == RATING and value is not None else math.nan)
                scenarios.add(scenario)
        contexts: list[dict[str, str]] = [{} for _ in numbers_of_users]
        with connection.cursor(name="contexts") as cursor:
            cursor.itersize = _FETCH_ROWS
            for user_id, context in cursor.execute(_CONTEXTS, values):
                number = numbers_of_users.get(user_id)
                # The newest first: what was said later counts.
                if number is not None and not contexts[number]:
                    contexts[number] = json.loads(context)
    contents = [ItemContent(), *(ItemContent(vectors[item_id], *known[item_id]) for item_id in ids)]
    log = InteractionLog.from_events(
        np.array(["", *ids], dtype=np.str_),
        np.array(users, dtype=np.int32),
        np.array(rows, dtype=np.int32),
        np.array(times, dtype=np.int64),
        np.array(ratings, dtype=np.float32),
        ItemAttributes.from_contents(contents),
        np.array(types, dtype=np.int8),
    )
    if any(contents) or ItemScenarios.of([content.scenario for content in contents[1:]]) is not None:
        log = replace(log, contents=contents)
    if any(contexts):
        log = replace(log, contexts=contexts)
    if texts:
        log = replace(log, texts=["", *(written[item_id] for item_id in ids)])
    return Snapshot(log, tuple(sorted(scenarios)))


def check_enough(log: InteractionLog, *, events: int, users: int, user_events: int, items: int) -> None:
    """Raise TooLittleDataError unless the log has that many events, users with user_events each, and items."""
    lengths = np.diff(log.starts)
    fit_users = int(np.count_nonzero(lengths >= user_events))
    taken_items = len(np.unique(log.rows))
    if len(log) >= events and fit_users >= users and taken_items >= items:
        return
    raise TooLittleDataError(
        f"{len(log)} events of {np.count_nonzero(lengths)} users on {taken_items} items are too few to train on: "
        f"at least {events} events, {users} users with {user_events} or more each, and {items} items are needed"
    )


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Keep a snapshot for the rest of the run: who resumes it must see the same rows. Replaced at once."""
    log = snapshot.log
    columns: dict[str, NDArray[np.generic]] = {
        "item_ids": log.item_ids,
        "starts": log.starts,
        "rows": log.rows,
        "times": log.times,
        "scenario_ids": np.array(snapshot.scenario_ids, dtype=np.str_),
    }
    if log.values is not None:
        columns["values"] = log.values
    if log.types is not None:
        columns["types"] = log.types
    if log.attributes is not None:
        known = log.attributes
        columns |= {"attribute_starts": known.starts, "attribute_codes": known.codes}
        columns["attribute_count"] = np.array(known.count)
    if log.contents is not None:
        columns |= columns_of(log.contents)
    if log.texts is not None:
        columns["texts"] = np.frombuffer(json.dumps(list(log.texts)).encode(), np.uint8)
    if log.contexts is not None:
        columns["contexts"] = np.array([json.dumps(dict(context)) for context in log.contexts], dtype=np.str_)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **columns)
    draft.replace(path)


def load_snapshot(path: Path) -> Snapshot | None:
    """Return what save_snapshot kept, or None where there is nothing that can be read."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            log = InteractionLog(
                kept["item_ids"],
                kept["starts"],
                kept["rows"],
                kept["times"],
                kept.get("values"),
                _attributes(kept),
                types=kept.get("types"),
                contents=contents_in(kept),
                contexts=[json.loads(context) for context in kept["contexts"]] if "contexts" in kept else None,
                texts=json.loads(kept["texts"].tobytes()) if "texts" in kept else None,
            )
            return Snapshot(log, tuple(kept["scenario_ids"].tolist()))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _attributes(kept: Mapping[str, NDArray[Any]]) -> ItemAttributes | None:
    if "attribute_starts" not in kept:
        return None
    return ItemAttributes(kept["attribute_starts"], kept["attribute_codes"], int(kept["attribute_count"]))
