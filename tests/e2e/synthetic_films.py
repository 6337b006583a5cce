"""A small world with known tastes: films of six genres in runs, users who follow a run within two genres."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from trommel.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc
from trommel.training.v1 import training_pb2, training_pb2_grpc

GENRES = ("Comedy", "Drama", "Horror", "Musical", "War", "Western")
FILMS_A_GENRE = 70
USERS = 200
EVENTS_A_USER = 30
START_SECONDS = 1_700_000_000


@dataclass(frozen=True)
class Films:
    """Items, and events in time order."""

    items: list[catalog_pb2.Item]
    events: list[feedback_pb2.Event]

    def of_genre(self, genre: str) -> list[str]:
        """Return the ids of a genre's films."""
        return [item.id for item in self.items if genre in item.categories]


def make_films(seed: int = 0) -> Films:
    """Make the world; the same seed makes the same one."""
    random = np.random.default_rng(seed)
    items = [
        catalog_pb2.Item(id=f"{genre.lower()}-{number:02d}", title=f"{genre} {number}", categories=[genre])
        for genre in GENRES
        for number in range(FILMS_A_GENRE)
    ]
    events = []
    for user in range(USERS):
        genres = random.choice(len(GENRES), 2, replace=False)
        positions = random.integers(0, FILMS_A_GENRE, 2)
        seen: set[str] = set()
        for step in range(EVENTS_A_USER):
            side = int(random.random() < 0.3)
            positions[side] = (positions[side] + random.integers(1, 4)) % FILMS_A_GENRE
            item = f"{GENRES[genres[side]].lower()}-{positions[side]:02d}"
            if item in seen:
                continue
            seen.add(item)
            event = feedback_pb2.Event(
                event_id=f"{user}-{step}", user_id=f"user-{user}", item_id=item, type=feedback_pb2.EVENT_TYPE_LIKE
            )
            event.time.seconds = START_SECONDS + step * 3600 + user
            events.append(event)
    return Films(items, sorted(events, key=lambda event: event.time.seconds))


def import_films(
    films: Films, catalog: catalog_pb2_grpc.CatalogServiceStub, feedback: feedback_pb2_grpc.FeedbackServiceStub
) -> None:
    """Send the world through the services, as any caller would."""
    chunks = (
        catalog_pb2.UpsertItemsRequest(items=films.items[at : at + 100]) for at in range(0, len(films.items), 100)
    )
    assert catalog.UpsertItems(chunks, timeout=60).upserted_count == len(films.items)
    for at in range(0, len(films.events), 1000):
        batch = films.events[at : at + 1000]
        answer = feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=batch), timeout=60)
        assert {result.status for result in answer.results} == {feedback_pb2.EventResult.STATUS_RECORDED}


def train(
    training: training_pb2_grpc.TrainingServiceStub,
    ranking: ranking_pb2_grpc.RankingServiceStub,
    **options: Any,
) -> training_pb2.Run:
    """Train a bundle and wait until ranking answers with it."""
    run: training_pb2.Run = training.StartRun(training_pb2.StartRunRequest(max_epochs=3, **options), timeout=30).run
    while run.state in (training_pb2.Run.STATE_QUEUED, training_pb2.Run.STATE_RUNNING):
        time.sleep(0.3)
        run = training.GetRun(training_pb2.GetRunRequest(run_id=run.id), timeout=30).run
    assert run.state == training_pb2.Run.STATE_SUCCEEDED, run.error
    request = ranking_pb2.RecommendRequest(user_id="user-0", count=10)
    while ranking.Recommend(request, timeout=10).slate.bundle_version != run.bundle_version:
        time.sleep(0.1)
    return run
