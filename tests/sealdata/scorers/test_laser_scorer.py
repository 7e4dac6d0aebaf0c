import numpy as np
import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.pairs import make_pairs
from sealdata.scorers import laser


def sample():
    return load("scorers", "laser", {"encoder": "sample"})


class Letters:
    """An encoder whose vectors are counts of letters."""

    def encode(self, texts):
        return np.array([[text.count(char) for char in "abc"] for text in texts], np.float32)


@pytest.fixture
def letters(monkeypatch):
    monkeypatch.setattr(laser, "_load", lambda encoder: Letters())


def test_cosine_of_the_two_sides(letters):
    rows = [("a", "aa"), ("ab", "b"), ("", "a"), ("a", "b"), ("a", "  "), ("abc", "cba")]
    scores = sample().score(make_pairs(rows))
    assert scores.schema == {"cosine": pl.Float32}
    expected = [1.0, 0.7071, None, 0.0, None, 1.0]
    assert scores["cosine"].to_list() == pytest.approx(expected, abs=1e-6)


def test_nothing_to_encode_loads_no_encoder(monkeypatch):
    monkeypatch.setattr(laser, "_load", None)
    assert sample().score(make_pairs([])).is_empty()
    assert sample().score(make_pairs([("", "x")]))["cosine"].to_list() == [None]


def test_fingerprint_is_of_the_files_wherever_they_lie(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "encoder.pt").write_bytes(b"weights")
        (tmp_path / name / "encoder.spm").write_bytes(b"pieces")
    one, two = (load("scorers", "laser", {"encoder": str(tmp_path / n)}) for n in ("one", "two"))
    assert one.fingerprint() == two.fingerprint()
    assert set(one.fingerprint()) == {"version", "checkpoint", "spm"}


def test_a_folder_without_an_encoder(tmp_path):
    with pytest.raises(DataError, match=r"must hold one \*\.pt and one \*\.spm"):
        load("scorers", "laser", {"encoder": str(tmp_path)}).fingerprint()


def test_the_bundled_encoder_tells_translations_from_others():
    rows = [
        ("My father is a teacher.", "Ayah saya guru."),
        ("My father is a teacher.", "Virus ini menyebar dengan cepat di antara pasien."),
    ]
    good, bad = sample().score(make_pairs(rows))["cosine"]
    assert good > bad + 0.2
