"""fastText files and the one call of the binding that is right in every build."""

import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sealdata.errors import DataError
from sealdata.lid.model import MOST, FastText, read_labels
from sealdata.models.store import find_model

MODEL = find_model("lid176-ftz")
TEXTS = ["Good morning, everybody.", "Selamat pagi, semuanya.", "Chào buổi sáng."]


@pytest.fixture(scope="module")
def model() -> FastText:
    return FastText(MODEL)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 600])
def test_texts_are_told_in_order_however_many(model: FastText, count: int) -> None:
    """fasttext-predict's own predict of a list mixes labels and probabilities of two texts."""
    texts = (TEXTS * count)[:count]
    labels, probs = model.likeliest(texts)
    assert labels.shape == probs.shape == (count, MOST)
    alone = [model.likeliest([text]) for text in texts]
    assert all(np.array_equal(labels[i], one.labels[0]) for i, one in enumerate(alone))
    assert all(np.array_equal(probs[i], one.probs[0]) for i, one in enumerate(alone))
    tops = [model.labels[label] for label in labels[:3, 0]]
    assert tops == ["en", "id", "vi"][:count]
    assert (np.diff(probs) <= 0).all(), "best first"


def test_the_labels_of_the_file_are_those_that_are_told(model: FastText) -> None:
    assert len(model.labels) == len(set(model.labels)) == 176
    told = model._model.f.predict(TEXTS[0] + "\n", -1, 0.0, "strict")
    assert {label.removeprefix("__label__") for _, label in told} <= set(model.labels)


@pytest.mark.parametrize(
    "other",
    [
        SimpleNamespace(),  # a model without the compiled class beneath
        SimpleNamespace(f=SimpleNamespace(predict=lambda text: [])),  # other parameters
        SimpleNamespace(f=SimpleNamespace(predict=lambda *_: [("__label__en", 0.9)])),
        SimpleNamespace(f=SimpleNamespace(predict=lambda *_: (["__label__en"], [0.9]))),
    ],
)
def test_another_package_in_its_place(other: object, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(load_model=lambda path: other, __file__="/site-packages/fasttext.py")
    monkeypatch.setitem(sys.modules, "fasttext", fake)
    with pytest.raises(DataError, match=r"fasttext at /site-packages/fasttext\.py .* uninstall"):
        FastText(MODEL)


def test_no_package_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(DataError, match="pip install fasttext-predict"):
        FastText(MODEL)


HEAD = MODEL.read_bytes()[:64]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is too short"),
        (b"x" * 500, "it does not begin as fastText's files do"),
        (HEAD[:36] + struct.pack("<i", 2) + HEAD[40:] + bytes(500), "it holds word vectors only"),
        (MODEL.read_bytes()[:2000], "it ends within its dictionary"),
        (HEAD + struct.pack("<3i16x", 1, 1, 0) + b"word\0" + bytes(9), "it has no labels"),
    ],
)
def test_what_is_no_classifier(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"model.bin is no fastText classifier: {message}"):
        read_labels(path)


def test_a_cut_model(tmp_path: Path) -> None:
    """Its labels are whole, its weights are not."""
    path = tmp_path / "model.bin"
    path.write_bytes(MODEL.read_bytes()[:300_000])
    with pytest.raises(DataError, match="is no fastText classifier"):
        FastText(path)
