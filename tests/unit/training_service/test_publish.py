from __future__ import annotations

import pytest

from services.core.bundle import RANKER, USER_ENCODER, bundle_path, model_file
from services.training.steps.publish import publish_models, published_versions, withdraw_models
from tests.bundle_maker import make_bundle

MODELS = (RANKER, USER_ENCODER)


@pytest.fixture
def published(tmp_path):
    manifest = make_bundle(tmp_path / "store", "20240101000000", item_count=20)
    for name in MODELS:
        (tmp_path / "configs" / name).mkdir(parents=True)
        (tmp_path / "configs" / name / "config.pbtxt").write_text(f'name: "{name}"')
    bundle = bundle_path(tmp_path / "store", manifest.version)
    data = bundle / model_file(RANKER)
    data.with_name("model.onnx.data").write_bytes(b"weights")
    return lambda: publish_models(bundle, manifest, tmp_path / "repository", tmp_path / "configs")


def test_models_lie_where_triton_looks_with_all_their_files(tmp_path, published):
    assert sorted(published()) == sorted(MODELS)
    version = tmp_path / "repository" / RANKER / "20240101000000"
    assert sorted(file.name for file in version.iterdir()) == ["model.onnx", "model.onnx.data"]
    original = tmp_path / "store" / "20240101000000" / model_file(RANKER)
    assert (version / "model.onnx").samefile(original)
    assert (tmp_path / "repository" / RANKER / "config.pbtxt").read_text() == 'name: "ranker"'


def test_what_is_there_is_left_alone_and_what_is_torn_is_replaced(tmp_path, published):
    published()
    config = tmp_path / "repository" / RANKER / "config.pbtxt"
    config.write_text("tuned by hand")
    assert published() == []
    assert config.read_text() == "tuned by hand"
    (tmp_path / "repository" / RANKER / "20240101000000" / "model.onnx.data").unlink()
    assert published() == [RANKER]
    assert (tmp_path / "repository" / RANKER / "20240101000000" / "model.onnx.data").read_bytes() == b"weights"


def test_files_are_copied_where_they_cannot_be_linked(tmp_path, published, monkeypatch):
    def refuse(*_):
        raise OSError("other file system")

    monkeypatch.setattr("services.training.steps.publish.os.link", refuse)
    published()
    copy = tmp_path / "repository" / RANKER / "20240101000000" / "model.onnx"
    original = tmp_path / "store" / "20240101000000" / model_file(RANKER)
    assert copy.read_bytes() == original.read_bytes()
    assert not copy.samefile(original)


def test_a_model_without_a_configuration_is_refused(tmp_path, published):
    (tmp_path / "configs" / RANKER / "config.pbtxt").unlink()
    with pytest.raises(FileNotFoundError, match="model ranker has no config"):
        published()


def test_versions_are_found_and_withdrawn(tmp_path, published):
    repository = tmp_path / "repository"
    published()
    (repository / RANKER / ".draft-20240101000001").mkdir()
    (repository / USER_ENCODER / "7").mkdir()
    assert published_versions((*MODELS, "unknown"), repository) == {"20240101000000", "7"}
    withdraw_models(MODELS, "20240101000000", repository)
    assert published_versions(MODELS, repository) == {"7"}
    withdraw_models(MODELS, "20240101000000", repository)
