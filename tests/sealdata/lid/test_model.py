"""fastText's files and what they say of texts, held against fastText itself."""

import mmap
import platform
import random
import struct
from pathlib import Path

import fasttext
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealdata.errors import DataError
from sealdata.fetch.models.store import find_model
from sealdata.kernels import texts_of
from sealdata.kernels.fasttext import likeliest
from sealdata.lid.model import MOST, FastText

ROOT = Path(__file__).parents[3]
MODEL = find_model("lid176-ftz")
GOLDEN = {path.name: path for path in sorted((ROOT / "tests/golden/fasttext").iterdir())}
FILES = {"lid.176.ftz": MODEL, **GOLDEN}
TEXTS = ["Good morning, everybody.", "Selamat pagi, semuanya.", "Chào buổi sáng."]
ODD = [
    *("", " ", "a", "\0", "x\0y", "a\nb", "a\r\nb\tc\vd\fe", " leading", "trailing  ", "<", "<a>"),
    *("</s>", "Selamat </s> pagi", "</s>pagi", "__label__", "__label__eng_Latn pagi", "__label_ a"),
    *("__label__en", "say __label__zz now", "\u2028x", "𝒳𝒴 😀 é e\u0301", "ก" * 300, "word " * 400),
]
# Compilers of other machines fuse a product and a sum into one rounding.
EXACT = platform.machine() in ("x86_64", "AMD64")
Told = list[tuple[str, float]]


def sentences() -> list[str]:
    files = sorted((ROOT / "sealdata/sample/text").glob("*_*.txt"))
    return [line for file in files for line in file.read_text("utf-8").splitlines()[:40]]


def theirs(binding: object, text: str, most: int, least: float) -> Told:
    """What fastText says; ``predict`` of the package itself is broken in one build or another."""
    line = text.replace("\n", " ") + "\n"
    told = binding.f.predict(line, most, least, "strict")  # type: ignore[attr-defined]
    return [(label.removeprefix("__label__"), prob) for prob, label in told]


def ours(model: FastText, texts: list[str], most: int, least: float) -> list[Told]:
    columns = likeliest(*texts_of(pl.Series(texts, dtype=pl.String)), model._network, most, least)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [[(model.labels[a], p) for a, p in zip(*row, strict=True) if p > 0] for row in rows]


def same(one: Told, other: Told, ties: bool) -> bool:
    if not EXACT:
        return dict(one) == pytest.approx(dict(other), abs=1e-5)
    if ties:  # sigmoids come from a table, so many are equal, and which comes first is open
        return [prob for _, prob in one] == [prob for _, prob in other]
    return one == other


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("most", "least"), [(MOST, 0.005), (1, 0.0), (3, 0.2)])
def test_what_fasttext_says(name: str, most: int, least: float) -> None:
    model, binding = FastText(FILES[name]), fasttext.load_model(str(FILES[name]))
    chosen = random.Random(most)
    letters = "".join(sentences()) + " \t\0"
    noise = ["".join(chosen.choices(letters, k=chosen.randrange(40))) for _ in range(400)]
    texts = [*sentences(), *ODD, *noise]
    for text, told in zip(texts, ours(model, texts, most, least), strict=True):
        assert same(told, theirs(binding, text, most, least), name == "ova.bin"), text


BINDING, OURS = fasttext.load_model(str(MODEL)), FastText(MODEL)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text(text: str) -> None:
    assert same(ours(OURS, [text], MOST, 0.005)[0], theirs(BINDING, text, MOST, 0.005), ties=False)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 600])
def test_texts_are_told_in_order_however_many(count: int) -> None:
    labels, probs = OURS.likeliest(pl.Series((TEXTS * count)[:count], dtype=pl.String))
    assert labels.shape == probs.shape == (count, MOST)
    assert [OURS.labels[label] for label in labels[:3, 0]] == ["en", "id", "vi"][:count]
    assert (np.diff(probs) <= 0).all(), "best first"


def test_the_labels_of_the_file_are_those_that_are_told() -> None:
    assert len(OURS.labels) == len(set(OURS.labels)) == 176
    assert {label for label, _ in theirs(BINDING, TEXTS[0], -1, 0.0)} <= set(OURS.labels)


def test_a_large_matrix_is_not_copied() -> None:
    """Processes share the pages of the file, whatever its size."""
    base = FastText(GOLDEN["softmax.bin"])._network.rows
    while isinstance(base, np.ndarray):
        base = base.base  # type: ignore[assignment]
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


CONTENT = MODEL.read_bytes()
HEAD = CONTENT[:64]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is too short"),
        (HEAD, "it is too short"),
        (b"x" * 500, "it does not begin as fastText's files do"),
        (HEAD[:36] + struct.pack("<i", 2) + HEAD[40:] + bytes(500), "it holds word vectors only"),
        (HEAD[:4] + struct.pack("<i", 11) + CONTENT[8:], "its format has version 11, not 12"),
        (CONTENT[:2000], "it ends within its dictionary"),
        (HEAD + struct.pack("<3i16x", 1, 1, 0) + b"word\0" + bytes(9), "it has no labels"),
        (CONTENT[:300_000], "it ends within its weights"),
    ],
)
def test_what_is_no_classifier(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"model.bin is no fastText classifier: {message}"):
        FastText(path)


@pytest.mark.parametrize("name", GOLDEN)
def test_damaged_bytes_are_refused_or_read_within_the_file(name: str, tmp_path: Path) -> None:
    """A kernel checks no bounds: what it relies on is checked when the file is read."""
    whole, chosen, path = GOLDEN[name].read_bytes(), random.Random(7), tmp_path / "model.bin"
    for number in range(150):
        content = bytearray(whole)
        for _ in range(3):  # most of what sizes say is in the head, and where matrices begin
            place = chosen.randrange(100 if number % 2 else len(content))
            content[place] = chosen.choice([0, 1, 127, 128, 255])
        path.write_bytes(content[: chosen.choice([len(content), chosen.randrange(len(content))])])
        try:
            FastText(path).likeliest(pl.Series(TEXTS))
        except DataError:
            continue
