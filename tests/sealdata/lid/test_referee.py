"""A model file is used only once fastText itself agrees with our reading of it."""

import subprocess
from pathlib import Path

import polars as pl
import pytest

from sealdata.errors import DataError
from sealdata.fetch.models.store import FOLDER, find_model
from sealdata.lid import referee
from sealdata.lid.model import LEAST, MOST, FastText, Likeliest
from sealdata.lid.referee import gap, open_model

MODEL = find_model("lid176-ftz")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    open_model.cache_clear()
    return tmp_path / "agreed"


def test_fasttext_is_asked_once_per_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_model(MODEL)
    (note,) = folder.iterdir()
    assert '"largest_gap": ' in note.read_text()
    open_model.cache_clear()
    monkeypatch.setattr(referee, "probes", lambda: pytest.fail("asked again"))
    open_model(MODEL)


def test_a_model_that_is_read_otherwise_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: FastText, texts: pl.Series) -> Likeliest:
        labels, probs = right(model, texts)
        probs[texts == "1984"] *= 0.5
        return Likeliest(labels, probs)

    right = FastText.likeliest
    monkeypatch.setattr(FastText, "likeliest", wrong)
    with pytest.raises(DataError, match=r"is read otherwise by fastText: 0\.\d+ apart on '1984'"):
        open_model(MODEL)
    assert not folder.exists()


def test_what_fasttext_cannot_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referee, "digest", lambda path: "another")
    monkeypatch.setattr(referee, "FastText", lambda path: FastText(MODEL))
    with pytest.raises(DataError, match=r"fastText cannot read /nowhere: .*/nowhere"):
        open_model(Path("/nowhere"))


def test_a_fasttext_that_dies_without_a_word_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when the machine has no memory left for its copy."""
    killed = subprocess.CompletedProcess([], -9, stdout="", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_more: killed)
    with pytest.raises(DataError, match=r"fastText cannot read .*: it ended with -9$"):
        open_model(MODEL)
    assert not folder.exists()


FULL = {f"l{rank}": 0.1 - rank / 100 for rank in range(MOST)}  # the least likely: 0.03


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"en": 0.9}, {"en": 0.9}, 0.0),
        ({"en": 0.9, "id": 0.05}, {"en": 0.8, "id": 0.05}, 0.1),
        ({"en": 0.9, "id": 0.006}, {"en": 0.9}, 0.006 - LEAST),  # the other may leave it out
        ({"en": 0.9}, {"id": 0.9}, 0.9 - LEAST),
        (FULL, {**FULL, "l0": 0.02}, 0.08),
        ({**FULL, "new": 0.03}, FULL, 0.0),  # as likely as the last there was room for
        ({}, {}, 0.0),
    ],
)
def test_gap(one: dict[str, float], other: dict[str, float], expected: float) -> None:
    assert gap(one, other) == pytest.approx(expected, abs=1e-12)
