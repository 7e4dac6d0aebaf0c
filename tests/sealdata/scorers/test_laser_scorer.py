import numpy as np
import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.laser.encoder import Encoded
from sealdata.pairs import make_pairs
from sealdata.scorers import laser


def sample():
    return load("scorers", "laser", {"encoder": "sample"})


class Letters:
    """An encoder whose vectors are counts of letters; it reads four characters at most."""

    def encode_counted(self, texts):
        counts = [[text.count(char) for char in "abc"] for text in texts]
        return Encoded(np.array(counts, np.float32), np.array([len(text) > 4 for text in texts]))


@pytest.fixture
def letters(monkeypatch):
    monkeypatch.setattr(laser, "_load", lambda encoder: Letters())


def test_cosine_of_the_two_sides(letters):
    rows = [("a", "aa"), ("ab", "b"), ("", "a"), ("a", "b"), ("a", "  "), ("abc", "cba")]
    scores = sample().score(make_pairs(rows))
    assert scores.schema == {"cosine": pl.Float32}
    expected = [1.0, 0.7071, None, 0.0, None, 1.0]
    assert scores["cosine"].to_list() == pytest.approx(expected, abs=1e-6)


def test_a_text_read_only_in_part_has_no_score(letters):
    rows = [("a", "aaaa"), ("a", "aaaaa"), ("aaaaa", "a")]
    assert sample().score(make_pairs(rows))["cosine"].to_list() == [1.0, None, None]


def test_chunks_change_nothing(letters, monkeypatch):
    rows = [("a" * (i % 3), "ab"[: i % 2 + 1]) for i in range(23)]
    whole = sample().score(make_pairs(rows))
    monkeypatch.setattr(laser, "_CHUNK", 5)
    assert sample().score(make_pairs(rows)).equals(whole)


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
