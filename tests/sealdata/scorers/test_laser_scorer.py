import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sealdata.component import load
from sealdata.encoders.encoded import Encoded
from sealdata.errors import ConfigError, DataError
from sealdata.languages import resolve
from sealdata.pairs import make_pairs
from sealdata.scorers import _embedding, _encoders, laser
from sealdata.scorers._encoders import name_for


def sample():
    return load("scorers", "laser", {"encoder": "sample"})


class Letters:
    """An encoder whose vectors are counts of letters; it reads four characters at most."""

    dim = 3

    def encode_lists(self, lists):
        return map(self.encode_counted, lists)

    def encode_counted(self, texts):
        counts = [[text.count(char) for char in "abc"] for text in texts]
        vectors = np.array(counts, np.float32).reshape(-1, 3)
        return Encoded(vectors, np.array([len(text) > 4 for text in texts]))


@pytest.fixture
def letters(monkeypatch):
    monkeypatch.setattr(laser, "_load", lambda *names: Letters())


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
    monkeypatch.setattr(_embedding, "_CHUNK", 5)
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
    assert set(one.fingerprint()) == {"version", "encoders", "precision", "device"}
    rough = load("scorers", "laser", {"encoder": str(tmp_path / "one"), "precision": "int8"})
    assert rough.fingerprint() != one.fingerprint()


def test_the_encoder_of_each_language_is_what_the_library_takes():
    """From laser_encoders.language_list: LASER3 where it has one, else LASER2."""
    expected = dict.fromkeys(["eng_Latn", "vie_Latn", "zho_Hans"], "laser2")
    for lang in ("tha_Thai", "ind_Latn", "zsm_Latn", "tgl_Latn", "mya_Mymr", "jav_Latn"):
        expected[lang] = f"laser3-{lang}"
    assert {lang: name_for("laser", lang, {}) for lang in expected} == expected
    assert name_for("laser", "tha_Thai", {"tha_Thai": "laser2"}) == "laser2"
    assert name_for("laser2", "tha_Thai", {"tha_Thai": "laser3"}) == "laser3-tha_Thai"
    assert name_for("laser2", "jav_Latn", {}) == "laser2"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"precision": "fp16"}, 'precision = "fp16" needs device = "cuda"; on the CPU use "bf16"'),
        ({"precision": "int8", "device": "cuda"}, 'precision = "int8" needs device = "cpu"'),
    ],
)
def test_a_precision_that_the_device_lacks_is_refused_with_the_recipe(params, message):
    with pytest.raises(ConfigError, match=message):
        load("scorers", "laser", {"encoder": "sample", **params})
    for allowed in ({"precision": "fp16", "device": "cuda"}, {"precision": "int8"}, {}):
        load("scorers", "laser", {"encoder": "sample", **allowed})


def test_a_language_without_an_encoder(monkeypatch):
    unknown = dataclasses.replace(resolve("tha_Thai"), laser=None)
    monkeypatch.setattr(_encoders, "resolve", lambda lang: unknown)
    with pytest.raises(ConfigError, match=r"LASER has no encoder for tha_Thai: name one for it"):
        name_for("laser", "tha_Thai", {})


def test_each_side_goes_to_its_own_encoder(tmp_path):
    """English by LASER2, the other side by LASER3, as files of the golden set lie in folders."""
    golden = Path(__file__).parents[2] / "golden"
    spm = golden / "laser2_small" / "laser2_small.spm"
    for name, files in {
        "two": [golden / "laser2_small" / "laser2_small.pt", spm],
        "three": [golden / "laser3" / "max_post.pt", golden / "laser3" / "laser2.cvocab", spm],
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    two, three = str(tmp_path / "two"), str(tmp_path / "three")
    scorer = load("scorers", "laser", {"encoder": three, "encoders": {"en": two, "id": three}})
    used = scorer.for_languages(["eng_Latn", "ind_Latn"])
    assert [model.name for model in used.models()] == ["two", "three"]
    assert set(used.fingerprint()["encoders"]) == {"eng_Latn", "ind_Latn"}
    # 96 and 32 dimensions: what real LASER2 and LASER3 share, these random ones do not
    with pytest.raises(DataError, match="vectors of 96 and 32 numbers"):
        used.score(make_pairs([("water", "air")]))


def test_a_folder_of_laser3_needs_its_vocabulary(tmp_path):
    golden = Path(__file__).parents[2] / "golden"
    for file in (golden / "laser2_small" / "laser2_small.spm", golden / "laser3" / "max_post.pt"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=r"put laser2\.cvocab"):
        load("scorers", "laser", {"encoder": str(tmp_path)}).score(make_pairs([("a", "b")]))


def test_a_folder_without_an_encoder(tmp_path):
    with pytest.raises(
        DataError, match=r"must hold one \*\.pt \(or \*\.safetensors\) and one \*\.spm"
    ):
        load("scorers", "laser", {"encoder": str(tmp_path)}).fingerprint()


def test_the_bundled_encoder_tells_translations_from_others():
    rows = [
        ("My father is a teacher.", "Ayah saya guru."),
        ("My father is a teacher.", "Virus ini menyebar dengan cepat di antara pasien."),
    ]
    good, bad = sample().score(make_pairs(rows))["cosine"]
    assert good > bad + 0.2
