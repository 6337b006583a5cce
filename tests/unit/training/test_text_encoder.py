"""The exported encoder is the original one, whatever it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from services.core.text_encoder_files import DESCRIPTION, MODEL, TOKENIZER, TextEncoderDescription
from services.plumbing.text.clean_text import clean_text
from services.plumbing.text.text_tokens import LENGTHS, TextTokens
from services.training.text_encoder.default_model import DEFAULT_MODEL
from services.training.text_encoder.export import TextEncoderError, export_text_encoder, model_folder
from services.training.text_encoder.offline import encode_texts
from services.training.text_encoder.provide import holds, main, provide_text_encoder

TEXTS = [
    "A",
    "A thief and a policeman in Los Angeles.",
    "The dream of a lifetime " * 30,
    "Амели из Монмартра",
    "千と千尋の神隠し",
    "🎬🍿 \u202eright to left\u202c",
    clean_text("long", "word " * 250_000),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "1"
    export_text_encoder(DEFAULT_MODEL, folder)
    return folder


def test_it_gives_what_the_original_gives(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder(DEFAULT_MODEL))
    model = AutoModel.from_pretrained(model_folder(DEFAULT_MODEL)).eval()
    wanted = []
    for text in TEXTS:
        tokens = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            wanted.append(model(**tokens).last_hidden_state[0].mean(dim=0).numpy())
    found = encode_texts([*TEXTS, ""], folder, threads=1)
    assert found.shape == (len(TEXTS) + 1, 384)
    cosines = [float(a @ b / np.linalg.norm(b)) for a, b in zip(found, wanted, strict=False)]
    assert min(cosines) >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(found[:-1], axis=1), 1.0, atol=1e-5)
    assert not found[-1].any(), "an empty text has no vector"
    description = TextEncoderDescription.load(folder)
    assert (description.name, description.width, description.max_tokens) == (DEFAULT_MODEL, 384, 256)


def test_texts_of_like_length_go_together(folder: Path) -> None:
    tokens = TextTokens.load(folder)
    batches = list(tokens.batches([*TEXTS, *["short"] * 40], most=16))
    assert sorted(np.concatenate([batch.places for batch in batches]).tolist()) == list(range(len(TEXTS) + 40))
    for batch in batches:
        ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
        assert ids.shape == mask.shape
        assert ids.shape[1] in LENGTHS
        assert len(ids) <= 16
        assert (ids[mask == 0] == 0).all()


def test_the_command_exports_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / DESCRIPTION).stat().st_mtime_ns
    main(["--to", str(folder)])
    assert "already" in capsys.readouterr().out
    assert (folder / DESCRIPTION).stat().st_mtime_ns == before


def test_eight_bits_are_told_apart_and_lie_close(folder: Path, tmp_path: Path) -> None:
    made = provide_text_encoder(DEFAULT_MODEL, tmp_path / "made", tmp_path / "cache", "int8")
    assert made.precision == "int8"
    assert 0.95 < made.least_cosine < 1.0
    assert holds(tmp_path / "made", DEFAULT_MODEL, "int8")
    assert not holds(tmp_path / "made", DEFAULT_MODEL)
    whole = TextEncoderDescription.load(folder)
    assert whole.least_cosine >= 0.9999
    assert whole.fingerprint != made.fingerprint
    original, small = encode_texts(TEXTS, folder, threads=1), encode_texts(TEXTS, tmp_path / "made", threads=1)
    assert (original * small).sum(axis=1).min() > 0.9
    assert (tmp_path / "made" / MODEL).stat().st_size < (folder / MODEL).stat().st_size
    # The second time nothing is exported: what lies in the cache is the same file.
    again = provide_text_encoder(DEFAULT_MODEL, tmp_path / "again", tmp_path / "cache", "int8")
    assert again == made
    assert (tmp_path / "again" / MODEL).samefile(tmp_path / "made" / MODEL)


def test_what_cannot_be_had_is_said_in_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TextEncoderError, match="cannot be loaded") as caught:
        export_text_encoder(str(tmp_path / "empty"), tmp_path / "made")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / DESCRIPTION).write_text((folder / DESCRIPTION).read_text())
    (broken / TOKENIZER).write_text("{}")
    with pytest.raises(ValueError, match="not a tokenizer"):
        TextTokens.load(broken)
    (broken / DESCRIPTION).write_text("{}")
    with pytest.raises(ValueError, match="does not describe"):
        TextTokens.load(broken)
