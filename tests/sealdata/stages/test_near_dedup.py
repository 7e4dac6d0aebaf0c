"""Near-duplicates: what MinHash drops against the true similarity, and through a whole build."""

import random
import subprocess
import sys

import polars as pl
import pytest

from sealdata.errors import ConfigError
from sealdata.files.frames import read_frame
from sealdata.pipeline import cross_source
from sealdata.stages import near, partition
from sealdata.text.hashing import text_key

pytest.importorskip("rensa")

BASE = [
    ("The clinic on the main road opens at eight in the morning and closes at five.",
     "คลินิกบนถนนสายหลักเปิดแปดโมงเช้าและปิดห้าโมงเย็นทุกวันจันทร์ถึงวันศุกร์"),
    ("My grandmother still cooks over a wood fire behind the house.",
     "คุณยายของฉันยังคงทำอาหารด้วยเตาฟืนหลังบ้านเหมือนสมัยก่อน"),
    ("The ferry to the island was cancelled because of the storm.",
     "เรือข้ามฟากไปเกาะถูกยกเลิกเพราะพายุเข้าตั้งแต่เมื่อคืนนี้"),
]  # fmt: skip
GATES = "[near_dedup]\njaccard = 0.8"


def similarity(one: tuple[str, str], other: tuple[str, str]) -> float:
    """Jaccard similarity of the sets of n-grams, exactly."""
    sets = []
    for pair in (one, other):
        keys = pl.DataFrame({"t": pair}).select(text_key("t")).to_series()
        text = "\n".join(keys)
        sets.append({text[i : i + near.NGRAM] for i in range(len(text) - near.NGRAM + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def varied() -> list[tuple[str, str]]:
    """Each pair of BASE, and twelve changes of it that grow from a letter to half the text."""
    generator = random.Random(5)
    pairs = []
    for src, tgt in BASE:
        pairs.append((src, tgt))
        for cut in range(12):
            words = src.split()
            for _ in range(cut // 2):
                words[generator.randrange(len(words))] = generator.choice("abcdefgh") * 4
            at = generator.randrange(len(tgt) - 3 * cut)
            pairs.append((" ".join(words) + f" {cut}", tgt[:at] + tgt[at + 3 * cut :]))
    return pairs


def test_what_is_dropped_is_alike_and_what_is_alike_is_dropped(small_build):
    pairs = varied()
    small_build({("one", "tha_Thai"): pairs}, GATES, part_rows=5)
    dropped = {row for _, row in small_build.reasons()}
    best = {
        row: max((similarity(pairs[row], pairs[earlier]) for earlier in range(row)), default=0.0)
        for row in range(len(pairs))
    }
    assert 5 < len(dropped) < len(pairs) - 5
    assert min(best[row] for row in dropped) > 0.8 - 0.12  # 128 hashes: 3 standard deviations
    assert max(share for row, share in best.items() if row not in dropped) < 0.8 + 0.12


def test_one_equal_side_is_no_near_duplicate(small_build):
    """A sentence with another translation has something to teach."""
    english = BASE[0][0]
    small_build({("one", "tha_Thai"): [(english, tgt) for _, tgt in BASE]}, GATES)
    assert small_build.reasons() == {}


def test_pairs_too_short_for_an_ngram_are_never_alike(small_build):
    small_build({("one", "zho_Hans"): [("OK", "好"), ("No", "不"), ("Go", "走")]}, GATES)
    assert small_build.reasons() == {}


def test_the_earlier_source_stays_and_the_totals_tie(small_build):
    copies = [(src + " Yes.", tgt) for src, tgt in BASE]
    sources = {("one", "tha_Thai"): BASE, ("two", "tha_Thai"): copies, ("lao", "lao_Laoo"): copies}
    manifest = small_build(sources, GATES, part_rows=2)
    assert small_build.reasons() == {("two", row): "near_duplicate" for row in range(3)}
    assert [row.dropped for row in manifest.funnel] == [
        {},
        {"near-dedup": {"near_duplicate": 3}},
        {},
    ]


def test_ranges_and_parts_change_nothing(small_build, monkeypatch):
    small_build({("one", "tha_Thai"): varied()}, GATES, part_rows=500)
    before = small_build.reasons()
    monkeypatch.setattr(partition, "ROWS_PER_RANGE", 200)
    monkeypatch.setattr(cross_source, "SKETCHES_PER_RANGE", 20)
    small_build({("one", "tha_Thai"): varied()}, GATES, part_rows=7)
    assert small_build.reasons() == before


def test_no_pair_of_a_large_bucket_is_held_against_all_of_it(tmp_path):
    num_rows = 3 * near.BLOCK + 2
    at = pl.int_range(num_rows, dtype=pl.UInt32, eager=True)
    keys = pl.DataFrame({"at": at, "key": pl.repeat(7, num_rows, dtype=pl.UInt64, eager=True)})
    partition.write_sorted(keys, tmp_path / "keys.parquet")
    file = partition.KeyFile(tmp_path / "keys.parquet", 0, "tha_Thai")
    near.Edges((file,))("range-00000-of-00001", tmp_path)
    edges = read_frame(tmp_path / "range-00000-of-00001.parquet")
    assert edges["at"].unique().sort().to_list() == list(range(1, num_rows))
    assert (edges["first_at"] < edges["at"]).all()
    assert edges.group_by("first_at").len()["len"].max() == near.BLOCK
    firsts = edges.filter(pl.col("at") == 2 * near.BLOCK)["first_at"].sort().to_list()
    assert firsts == [near.BLOCK, 2 * near.BLOCK - 1]


def test_without_rensa_the_recipe_says_what_to_install():
    code = (
        "import sys; sys.modules['rensa'] = None\n"
        "import polars as pl; from sealdata.stages.near import sketches\n"
        "sketches(pl.DataFrame({'src': ['a'], 'tgt': ['b']}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "[near_dedup] needs rensa: pip install" in done.stderr


def test_a_threshold_that_bands_cannot_find_is_refused(small_build):
    with pytest.raises(ConfigError, match=r"near_dedup\.jaccard"):
        small_build({("one", "tha_Thai"): BASE}, "[near_dedup]\njaccard = 0.5")


@pytest.mark.parametrize(
    ("num_equal", "is_dropped"),
    [(103, True), (102, False), (128, True), (0, False)],
)
def test_the_estimate_corrects_for_equal_low_bytes(tmp_path, num_equal, is_dropped):
    """Of 128 hashes 102.5 must be equal for 0.8: 1 in 256 different ones has the same 8 bits."""
    first, later = [7] * near.NUM_HASHES, [7] * num_equal + [8] * (near.NUM_HASHES - num_equal)
    rows = pl.DataFrame(
        {"key": [1, 1], "is_first": [True, False], "at": [0, 1], "sketch": [first, later]},
        schema={
            "key": pl.UInt64,
            "is_first": pl.Boolean,
            "at": pl.UInt32,
            "sketch": pl.Array(pl.UInt8, near.NUM_HASHES),
        },
    )
    partition.write_sorted(rows, tmp_path / "s.parquet")
    file = partition.KeyFile(tmp_path / "s.parquet", 0, "tha_Thai")
    record = near.Verify((file,), 0.8)("range-00000-of-00001", tmp_path)
    assert record.facts == {"alike": int(is_dropped)}
