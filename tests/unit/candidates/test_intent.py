"""What a user asks for in words finds the items that say so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.text_index import TextIndex
from services.core.errors import UnavailableError
from services.core.intent import Intent
from services.core.release_years import ReleaseYears
from services.core.text_encoder_files import DESCRIPTION, TOKENIZER, TextEncoderDescription
from services.plumbing.text.text_encoder import TextEncoder, TextEncoderFolder
from services.plumbing.text.text_tokens import TextTokens
from tests.unit.candidates.world import Feed

WORDS = ("[UNK]", "robbery", "space", "love", "war", "comedy", "western", ".")
Vectors = dict[str, NDArray[np.float32]]


class BagOfWords:
    """In Triton's place: a text is the sum of its words' own directions."""

    def __init__(self) -> None:
        self.away = False
        self.calls = 0

    async def infer(
        self, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str, timeout_seconds: float
    ) -> NDArray[np.float32]:
        assert (model, version, output) == ("text_encoder", "1", "text_vectors")
        if self.away:
            raise UnavailableError("away")
        self.calls += 1
        made = np.zeros((len(inputs["input_ids"]), len(WORDS)), np.float32)
        for row, (ids, mask) in enumerate(zip(inputs["input_ids"], inputs["attention_mask"], strict=True)):
            for token in ids[mask == 1].astype(int).tolist():
                made[row, token] += 0.1 if WORDS[token] in "[UNK]." else 1.0
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made


class Stored:
    """Text vectors of items, as the database has them."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.asked: list[str] = []

    async def of(self, item_ids: Sequence[str]) -> Vectors:
        self.asked += item_ids
        return {item_id: self.vectors[item_id] for item_id in item_ids if item_id in self.vectors}


def put_encoder(folder: Path, fingerprint: str = "a") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    description = TextEncoderDescription("words", len(WORDS), 32, 0, fingerprint)
    (folder / DESCRIPTION).write_text(json.dumps(asdict(description)))


async def encoded(triton: BagOfWords, folder: Path, texts: list[str]) -> NDArray[np.float32]:
    return await TextEncoder(triton, TextTokens.load(folder)).encode(texts, 1.0)


class Library:
    """Forty items: ten about each of four things, of which the last are comedies too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.triton = BagOfWords()
        self.feed = Feed([])
        self.replica = CatalogReplica(self.feed)
        self.stored = Stored({})
        self.index = TextIndex(self.stored, TextEncoderFolder(folder, self.triton))

    async def fill(self) -> None:
        put_encoder(self.folder)
        for place in range(40):
            word = ("robbery", "space", "love", "war")[place // 10]
            self.stored.vectors[str(place)] = (await encoded(self.triton, self.folder, [f"{word} story"]))[0]
            categories = ("comedy",) if place % 10 == 9 else ()
            self.feed.changes.append(ItemChange(place + 1, str(place), "", categories))
        await self.replica.refresh()
        await self.index.take_in(self.replica.snapshot)

    async def scores(self, wanted: str, unwanted: str = "") -> NDArray[np.float32]:
        vectors = await self.index.encoder.encode([wanted, unwanted], 1.0)
        sides = [vector if vector.any() else None for vector in vectors]
        return self.index.table.answers(self.replica.snapshot, sides[0], sides[1], {})


@pytest_asyncio.fixture
async def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "encoder")
    await made.fill()
    return made


async def test_what_is_asked_for_stands_out_and_what_is_not_wanted_loses(library: Library) -> None:
    scores = await library.scores("robbery")
    assert sorted(np.argsort(-scores)[:10].tolist()) == list(range(10))
    both = await library.scores("", unwanted="war")
    assert (both[30:] < 0).all()
    assert not both[:30].any()
    against = await library.scores("robbery", unwanted="robbery")
    assert (against[:10] < scores[:10]).all()


async def test_a_category_whose_items_say_what_is_wanted_counts(library: Library) -> None:
    library.feed.changes += [ItemChange(100 + place, str(place), "", ("romance",)) for place in (*range(20, 30), 35)]
    library.feed.changes.append(ItemChange(200, "40", "", ("romance",)))
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    scores = await library.scores("love")
    assert sorted(np.argsort(-scores)[:10].tolist()) == list(range(20, 30))
    assert scores[35] > np.delete(scores[30:40], 5).max() + 0.05, "of the same text, and of the category"
    assert scores[40] == 0, "it says nothing"


async def test_a_new_category_is_learnt_as_soon_as_it_is_there(library: Library) -> None:
    before = library.index.table.meanings
    library.feed.changes.append(ItemChange(100, "3"))
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    assert library.index.table.meanings is before
    library.feed.changes += [ItemChange(200 + place, str(place), "", ("fight",)) for place in range(30, 40)]
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    place = library.replica.snapshot.categories.names.tolist().index("fight")
    wanted = await encoded(library.triton, library.folder, ["war", "space"])
    assert library.index.table.meanings.of(wanted[0])[place] > 0.3
    assert library.index.table.meanings.of(wanted[1])[place] == 0


async def test_a_category_that_is_called_by_its_name_counts_the_more_the_rarer_it_is(library: Library) -> None:
    library.feed.changes += [
        ItemChange(100 + place, str(place), "", ("odd",) if place == 3 else ("plain",)) for place in range(20)
    ]
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    table, snapshot = library.index.table, library.replica.snapshot
    wanted = (await encoded(library.triton, library.folder, ["space"]))[0]
    silent = table.answers(snapshot, wanted, None, {})
    odd = table.answers(snapshot, wanted, None, {}, Intent("space, something odd", ""))
    plain = table.answers(snapshot, wanted, None, {}, Intent("plain space", ""))
    assert odd[3] - silent[3] > 2 * (plain[4] - silent[4]) > 0
    robbery = (await encoded(library.triton, library.folder, ["robbery"]))[0]
    unwanted = table.answers(snapshot, wanted, robbery, {}, Intent("space", "odd"))
    assert unwanted[3] < table.answers(snapshot, wanted, robbery, {})[3]


async def test_only_what_changed_is_read_and_another_encoder_reads_all_anew(library: Library) -> None:
    library.stored.asked.clear()
    library.stored.vectors["7"] = library.stored.vectors["35"]
    library.feed.changes.append(ItemChange(101, "7"))
    await library.replica.refresh()
    assert await library.index.take_in(library.replica.snapshot) == 1
    assert await library.index.take_in(library.replica.snapshot) == 0
    assert library.stored.asked == ["7"]
    assert 7 in np.argsort(-await library.scores("war"))[:11]
    put_encoder(library.folder, "b")
    assert await library.index.take_in(library.replica.snapshot) == 40


async def test_while_there_is_no_encoder_an_intent_cannot_be_answered(tmp_path: Path) -> None:
    library = Library(tmp_path / "none")
    assert await library.index.take_in(library.replica.snapshot) == 0
    with pytest.raises(UnavailableError, match="no text encoder"):
        _ = library.index.encoder


async def test_a_request_of_an_earlier_or_later_snapshot_is_answered_too(library: Library) -> None:
    earlier = library.replica.snapshot
    library.feed.changes += [ItemChange(200 + place, f"new-{place}", "", ("odd", "comedy")) for place in range(5)]
    await library.replica.refresh()
    later = library.replica.snapshot
    wanted = (await encoded(library.triton, library.folder, ["robbery"]))[0]
    assert library.index.table.answers(later, wanted, None, {}).shape == (45,)
    await library.index.take_in(later)
    assert library.index.table.answers(earlier, wanted, None, {}).shape == (40,)


async def test_what_is_like_the_best_answers_gains(library: Library) -> None:
    """Nothing but one word of two is asked for; the items that say both show that the other belongs to it."""
    for place in (0, 1):
        library.stored.vectors[str(place)] = (await encoded(library.triton, library.folder, ["robbery western"]))[0]
    library.stored.vectors["20"] = (await encoded(library.triton, library.folder, ["western story"]))[0]
    library.feed.changes += [ItemChange(300 + place, str(place)) for place in (0, 1, 20)]
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    wanted = (await encoded(library.triton, library.folder, ["robbery"]))[0]
    # Named, so that these are the best.
    scores = library.index.table.answers(library.replica.snapshot, wanted, None, {"0": 1.0, "1": 1.0})
    assert scores[20] > scores[21:].max() + 0.1


async def test_what_names_the_wanted_words_gains(library: Library) -> None:
    wanted = (await encoded(library.triton, library.folder, ["robbery"]))[0]
    plain = library.index.table.answers(library.replica.snapshot, wanted, None, {})
    named = library.index.table.answers(library.replica.snapshot, wanted, None, {"3": 1.0, "25": 0.5, "not there": 1.0})
    assert int(np.argmax(named)) == 3
    assert named[25] > plain[25]


async def test_years_that_are_asked_for_are_a_condition(library: Library) -> None:
    library.feed.changes += [ItemChange(100 + place, str(place), year=1950 + place) for place in range(20)]
    library.feed.changes.append(ItemChange(200, "silent", year=1955))
    await library.replica.refresh()
    await library.index.take_in(library.replica.snapshot)
    table, snapshot = library.index.table, library.replica.snapshot
    wanted = (await encoded(library.triton, library.folder, ["robbery"]))[0]
    fifties = ReleaseYears(1950, 1959)
    scores = table.answers(snapshot, wanted, None, {}, Intent("robbery", "", fifties))
    plain = table.answers(snapshot, wanted, None, {})
    assert (scores[:10] == plain[:10] + 2).all()
    assert (scores[15:20] == plain[15:20] - 2).all()
    assert (scores[20:40] == plain[20:40]).all(), "nobody knows when these came out"
    unwanted = table.answers(snapshot, wanted, None, {}, Intent("robbery", "", None, fifties))
    assert (unwanted[:10] == plain[:10] - 2).all()
    alone = table.answers(snapshot, None, None, {}, Intent("", "", fifties))
    assert sorted(np.flatnonzero(alone > 0).tolist()) == [*range(12), snapshot.slot_of["silent"]]
