"""What is encoded once: texts that come again in a part, and English sides kept on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sealdata.component import load
from sealdata.encoders.cache import EmbeddingCache
from sealdata.encoders.caching_encoder import CachingEncoder
from sealdata.encoders.encoder import Encoder, load_encoder
from sealdata.errors import ConfigError, DataError
from sealdata.pairs import make_pairs
from sealdata.scorers import _embedding

GOLDEN = Path(__file__).parents[2] / "golden"
SPM = GOLDEN / "laser2_small" / "laser2_small.spm"
FILES = {
    "laser2": (GOLDEN / "laser2_small" / "laser2_small.pt", SPM, None),
    "laser3": (GOLDEN / "laser3" / "max_post.pt", SPM, GOLDEN / "laser3" / "laser2.cvocab"),
}
LISTS = [["Good morning.", "", "Selamat pagi."], ["Good morning.", "Good night. " * 9], [""], []]
REPEATED = {"Good morning.": 1, "": 2}


class Spy:
    """An encoder that notes what it is asked."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.dim = encoder, encoder.dim
        self.asked: list[str] = []

    def encode_lists(self, lists):
        for texts in lists:
            self.asked += texts
            yield self.encoder.encode_counted(texts)


@pytest.fixture(scope="module", params=FILES)
def encoder(request) -> Encoder:
    return load_encoder(*FILES[request.param])


def sameness(caching: CachingEncoder, encoder: Encoder) -> None:
    for encoded, texts in zip(caching.encode_lists(iter(LISTS)), LISTS, strict=True):
        assert encoded.vectors.tobytes() == encoder.encode(texts).tobytes()
        assert encoded.truncated.tolist() == [False] * len(texts)


@pytest.mark.parametrize(("max_texts", "encoded"), [(9, 4), (1, 5), (0, 6)])
def test_a_text_that_comes_again_is_encoded_once(encoder, max_texts, encoded):
    """As long as there is room for its vector; it leaves when it has come for the last time."""
    caching = CachingEncoder(spy := Spy(encoder), REPEATED, max_bytes=max_texts * 4 * encoder.dim)
    sameness(caching, encoder)
    assert len(spy.asked) == encoded
    assert not caching._memory


def test_a_later_run_finds_all_of_it(encoder, tmp_path):
    for expected in (4, 0):
        with EmbeddingCache(tmp_path / "x.vectors", encoder.dim, 1 << 20) as cache:
            caching = CachingEncoder(spy := Spy(encoder), REPEATED, 1 << 20, cache)
            sameness(caching, encoder)
            assert len(spy.asked) == expected


def test_a_cut_text_stays_cut(tmp_path):
    short = load_encoder(*FILES["laser2"], max_tokens=9)
    with EmbeddingCache(tmp_path / "x.vectors", short.dim, 1 << 20) as cache:
        for _ in range(2):
            [encoded] = CachingEncoder(short, {}, 0, cache).encode_lists(
                [["Good night. " * 99, "Hi."]]
            )
            assert encoded.truncated.tolist() == [True, False]


def test_the_size_is_bounded_and_the_newest_stays(tmp_path):
    path, texts = tmp_path / "x.vectors", [f"text {number}" for number in range(300)]
    vectors = np.arange(300 * 4, dtype=np.float32).reshape(300, 4)
    with EmbeddingCache(path, 4, 64 + 100 * 48) as cache:
        for start in range(0, 300, 50):
            cache.keep(texts[start : start + 50], vectors[start : start + 50], np.zeros(50))
        cached_vectors, _, known = cache.look_up(texts)
        assert path.stat().st_size == 64 + 100 * 48
        assert 60 < known.sum() <= 100
        assert known[-1]
        assert known[200:].sum() > known[:200].sum()
        assert np.array_equal(cached_vectors[known], vectors[known])
    with EmbeddingCache(path, 4, 64 + 200 * 48) as larger:
        assert not larger.look_up(texts)[2].any(), "another bound begins anew"


def test_a_slot_that_is_half_written_counts_as_empty(tmp_path):
    path = tmp_path / "x.vectors"
    with EmbeddingCache(path, 4, 64 + 48) as cache:
        cache.keep(["a"], np.ones((1, 4)), np.zeros(1))
        assert cache.look_up(["a"])[2].all()
        with path.open("rb+") as file:
            file.seek(64 + 40)
            file.write(b"\1")
        assert not cache.look_up(["a"])[2].any()
    path.write_bytes(b"torn")
    with EmbeddingCache(path, 4, 64 + 48) as cache:
        assert not cache.look_up(["a"])[2].any()


WRITER = """
import sys, numpy as np, pathlib
from sealdata.encoders.cache import EmbeddingCache
texts = [f"text {n}" for n in range(40)]
with EmbeddingCache(pathlib.Path(sys.argv[1]), 64, 64 + 20 * 288) as cache:
    for _ in range(60):
        cache.keep(texts, np.full((40, 64), int(sys.argv[2])), np.zeros(40))
"""


def test_many_processes_at_once(tmp_path):
    """Of two who write to one slot, a reader sees one or the other or none."""
    path, texts = tmp_path / "x.vectors", [f"text {n}" for n in range(40)]
    with EmbeddingCache(path, 64, 64 + 20 * 288) as cache:
        commands = [[sys.executable, "-c", WRITER, str(path), number] for number in "12"]
        writers = [subprocess.Popen(command) for command in commands]
        while any(writer.poll() is None for writer in writers):
            vectors, _, known = cache.look_up(texts)
            assert all(set(row) in ({1.0}, {2.0}) for row in vectors[known])
        assert cache.look_up(texts)[2].any()
    assert [writer.wait() for writer in writers] == [0, 0]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with EmbeddingCache(tmp_path / "x.vectors", 4, 1 << 10) as cache:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(DataError, match=r"x\.vectors: No space left on device; give the cache"):
            cache.keep(["a"], np.ones((1, 4)), np.zeros(1))


PAIRS = make_pairs([(f"Good morning {n % 7}.", f"Selamat pagi {n}.") for n in range(20)])


def test_scores_are_the_same_with_and_without(tmp_path, monkeypatch):
    monkeypatch.setattr(_embedding, "_CHUNK", 6)
    options = {"encoder": "sample"}
    plain = load("scorers", "laser", options)
    cached = load("scorers", "laser", options | {"cache": {"folder": str(tmp_path), "gib": 0.001}})
    scores = plain.score(PAIRS)
    for _ in range(2):
        assert cached.score(PAIRS).equals(scores)
    assert cached.fingerprint() == plain.fingerprint()
    [file] = tmp_path.iterdir()
    assert file.stat().st_size <= 0.001 * 2**30


def test_only_numbers_that_no_batch_changes_are_kept(encoder, tmp_path):
    assert encoder.is_steady()
    rough = {"encoder": "sample", "cache": {"folder": str(tmp_path), "gib": 0.001}}
    assert load("scorers", "laser", rough | {"precision": "bf16"}).score(PAIRS).height == 20
    with pytest.raises(ConfigError, match=r"score\.laser\.cache.*: in int8 on this machine an emb"):
        load("scorers", "laser", rough | {"precision": "int8"}).score(PAIRS)
