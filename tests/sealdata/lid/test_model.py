"""The likeliest labels of texts, held against plain calls of fastText."""

import random
from pathlib import Path

import fasttext
import numpy as np
import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.fetch.models.store import find_model
from sealdata.lid import model
from sealdata.lid import model as lid_model
from sealdata.lid.model import MIN_PROB, TOP_K, FastText, check_model

TEXT = Path(__file__).parents[3] / "sealdata/sample/text"
MODEL = find_model("lid176-ftz")
FASTTEXT = FastText(MODEL)
CALL = fasttext.load_model(str(MODEL)).f.predict
ODD = [
    *(
        "",
        " ",
        "a",
        "\0",
        "x\0y",
        "a\r\nb\tc\vd\fe",
        " leading",
        "trailing  ",
        "<",
        "Selamat </s> a",
    ),
    *("__label__", "__label__en pagi", "\u2028x", "𝒳𝒴 😀 é e\u0301", "ก" * 300, "word " * 400),
]


def plain_calls(texts: list[str]) -> list[dict[str, float]]:
    rows = [CALL(f"{text}\n", TOP_K, MIN_PROB, "strict") for text in texts]
    return [{label.removeprefix("__label__"): prob for prob, label in row} for row in rows]


def likeliest(texts: list[str]) -> list[dict[str, float]]:
    labels, probs = FASTTEXT.likeliest(pl.Series(texts, dtype=pl.String))
    rows = zip(labels.tolist(), probs.tolist(), strict=True)
    return [{FASTTEXT.labels[n]: p for n, p in zip(*row, strict=True) if p} for row in rows]


def test_labels_and_probabilities_are_those_of_fasttext(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lid_model, "_ROWS", 100)  # several chunks, the last one not full
    files = sorted(TEXT.glob("*_*.txt"))
    sentences = [line for file in files for line in file.read_text("utf-8").splitlines()[:40]]
    letters, generator = "".join(sentences), random.Random(1)
    noise = ["".join(generator.choices(letters, k=generator.randrange(40))) for _ in range(200)]
    texts = [*sentences, *ODD, *noise]
    assert likeliest(texts) == plain_calls(texts)


def test_a_line_feed_is_read_as_a_space() -> None:
    """Behind a line feed, fastText reads nothing."""
    text = "Chính phủ sẽ xây\nsekolah baru di desa itu tahun depan"
    assert likeliest([text]) == plain_calls([text.replace("\n", " ")]) != plain_calls([text])


def test_null_counts_as_empty() -> None:
    first, second = FASTTEXT.likeliest(pl.Series([None, ""], dtype=pl.String)).probs
    assert first.tolist() == second.tolist() != [0.0] * TOP_K


def test_shapes_and_order() -> None:
    labels, probs = FASTTEXT.likeliest(pl.Series(["Good morning, everybody.", "Chào buổi sáng."]))
    assert (labels.shape, labels.dtype, probs.dtype) == ((2, TOP_K), np.int16, np.float32)
    assert [FASTTEXT.labels[label] for label in labels[:, 0]] == ["en", "vi"]
    assert (np.diff(probs) <= 0).all(), "best first"
    assert labels[1, 3:].tolist() == probs[1, 3:].tolist() == [0] * 5, "unused cells"
    assert FASTTEXT.likeliest(pl.Series([], dtype=pl.String)).labels.shape == (0, TOP_K)


def test_the_model_has_all_its_labels_in_alphabetical_order() -> None:
    """By default fastText keeps back labels of a probability near 0."""
    assert len(set(FASTTEXT.labels)) == len(FASTTEXT.labels) == 176
    assert FASTTEXT.labels[:3] == ("af", "als", "am")
    assert list(FASTTEXT.labels) == sorted(FASTTEXT.labels)


CONTENT = MODEL.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * 500, "wrong file format"),
        (CONTENT[:36] + b"\2\0\0\0" + CONTENT[40:], "needs to be supervised"),  # word vectors
    ],
)
def test_files_that_are_not_classifiers(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"model.bin cannot be read as a fastText .*{message}"):
        FastText(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:850_000], r"classifier: ValueError: vector::_M_default_append"),
        (CONTENT[:2000], r"cannot be read as a fastText classifier: MemoryError: std::bad_alloc"),
        (b"x" * 500, r"cannot be read as a fastText classifier: ValueError: .*wrong file format"),
    ],
)
def test_a_file_that_fasttext_cannot_load_is_refused_before_any_work(
    content: bytes, message: str, tmp_path: Path
) -> None:
    """Without a limit of memory the first one ends the process, and the second one takes 16 GB."""
    path = tmp_path / "model.ftz"
    path.write_bytes(content)
    scorer = load("scorers", "lid", {"model": str(path)})
    with pytest.raises(DataError, match=message):
        scorer.fingerprint()


def test_a_model_that_ends_the_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_TRIAL", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(
        DataError, match=r"gone\.ftz ends fastText with signal 11: .*fetch it again"
    ):
        check_model(Path("gone.ftz"))


def test_the_bundled_model_passes_the_check() -> None:
    check_model(MODEL)
    assert FastText(MODEL).labels == FASTTEXT.labels
