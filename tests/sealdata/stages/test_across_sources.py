"""Gates that look across parts and sources: exact duplicates and caps per side."""

import hashlib
import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.errors import ConfigError
from sealdata.files.frames import read_frame
from sealdata.stages import partition
from sealdata.stages.caps import Cap
from sealdata.stages.dedup import Resolve
from sealdata.stages.partition import Flag, KeyFile, range_names, write_sorted

LANGS = ("ind_Latn", "zsm_Latn")
NULLS = pl.Float64

# a part: pairs of small keys (many meet), a score or none, and the language of its source
row = st.tuples(
    st.integers(0, 3), st.integers(0, 3), st.one_of(st.none(), st.sampled_from([0.5, 1.0, 2.0]))
)
parts = st.lists(
    st.tuples(st.sampled_from(LANGS), st.lists(row, max_size=8)), min_size=1, max_size=5
)
SPREAD = 2**62  # four keys, one in each quarter of the range of u64


def _written(folder: Path, found, column: str) -> tuple[KeyFile, ...]:
    files = []
    for order, (lang, rows) in enumerate(found):
        frame = pl.DataFrame(
            [(at, src * SPREAD, tgt * SPREAD, score) for at, (src, tgt, score) in enumerate(rows)],
            schema={"at": pl.UInt32, "src_key": pl.UInt64, "tgt_key": pl.UInt64, "score": NULLS},
            orient="row",
        )
        if column == "key":
            frame = frame.select("at", key="src_key", score="score")
        write_sorted(frame.sort(column, "at"), folder / f"part-{order}.parquet")
        files.append(KeyFile(folder / f"part-{order}.parquet", order, lang))
    return tuple(files)


def _flagged(job, folder: Path, found, ranges: int) -> set[tuple[int, int]]:
    names = tuple(f"range-{index:05d}-of-{ranges:05d}" for index in range(ranges))
    records = [job(name, folder / "resolved") for name in names]
    assert sum(record.rows_in for record in records) == sum(len(rows) for _, rows in found)
    flagged = set()
    for order, (_, rows) in enumerate(found):
        name = f"part-{order}"
        clean = pl.DataFrame({"row": range(len(rows))}, schema={"row": pl.UInt32})
        write_sorted(clean, folder / "clean" / f"{name}.parquet")
        flag = Flag("dedup", "why", folder / "resolved", names, {name: order}, folder / "clean")
        record = flag(name, folder / "mask")
        flags = read_frame(folder / "mask" / f"{name}.parquet")["flag"]
        assert record.dropped == ({"why": flags.sum()} if flags.any() else {})
        flagged |= {(order, at) for at in flags.arg_true().to_list()}
    assert len(flagged) == sum(sum(record.dropped.values()) for record in records)
    return flagged


@settings(max_examples=30, deadline=None)
@given(parts, st.integers(1, 5))
def test_exact_duplicates_are_those_that_brute_force_finds(found, ranges):
    seen, expected = set(), set()
    for order, (lang, rows) in enumerate(found):
        for at, (src, tgt, _) in enumerate(rows):
            if (lang, src, tgt) in seen:
                expected.add((order, at))
            seen.add((lang, src, tgt))
    with tempfile.TemporaryDirectory() as name:
        files = _written(Path(name), found, "src_key")
        assert _flagged(Resolve(files), Path(name), found, ranges) == expected


@settings(max_examples=30, deadline=None)
@given(parts, st.integers(1, 5), st.integers(1, 3))
def test_caps_keep_the_best_as_brute_force_does(found, ranges, most):
    groups: dict[tuple[str, int], list[tuple[bool, float, int, int]]] = {}
    for order, (lang, rows) in enumerate(found):
        for at, (src, _, score) in enumerate(rows):
            rank = (score is None, -(score or 0.0), order, at)
            groups.setdefault((lang, src), []).append(rank)
    expected = {rank[2:] for group in groups.values() for rank in sorted(group)[most:]}
    with tempfile.TemporaryDirectory() as name:
        files = _written(Path(name), found, "key")
        assert _flagged(Cap(files, "src", most), Path(name), found, ranges) == expected


def test_ranges_are_bounded():
    assert range_names(0) == ("range-00000-of-00001",)
    assert len(range_names(403_799_833)) == 101


BOOKS = [
    ("Come in.", "Masuk."),
    ("Come in.", "Silakan masuk."),
    ("Come in!", "Masuklah."),
    ("Enter.", "masuk"),
    ("Please enter.", "Masuk!"),
    ("Sit down.", "Duduk."),
]


def test_caps_drop_what_is_over_and_the_totals_tie(small_build):
    gates = '[caps]\nmax_per_src = 2\nmax_per_tgt = 1\nscore = "length.tgt_chars"'
    sources = {("one", "ind_Latn"): BOOKS, ("two", "ind_Latn"): [("come in", "Ayo masuk saja.")]}
    manifest = small_build(sources, gates)
    # "come in" has four translations, the two longest stay; of the three "masuk" that then remain
    # ("Masuk." itself is over the source cap) the longest is "Masuk!", earlier in order "masuk"
    assert small_build.reasons() == {
        ("one", 0): "over_src_cap",
        ("one", 2): "over_src_cap",
        ("one", 3): "over_tgt_cap",
    }
    assert {row.source: row.dropped for row in manifest.funnel} == {
        "one": {"caps": {"over_src_cap": 2, "over_tgt_cap": 1}},
        "two": {},
    }
    assert [row.records for row in manifest.funnel] == [6, 1]


def test_languages_have_caps_of_their_own(small_build):
    gates = "[caps]\nmax_per_src = 1"
    sources = {("one", "ind_Latn"): BOOKS[:2], ("two", "zsm_Latn"): BOOKS[:2]}
    small_build(sources, gates)
    assert small_build.reasons() == {("one", 1): "over_src_cap", ("two", 1): "over_src_cap"}


def test_a_pair_that_fails_a_rule_takes_no_place_under_a_cap(small_build):
    rule = '[[rule]]\nreason = "too_long"\nscore = "length.tgt_chars"\nmax = 8\n'
    small_build({("one", "ind_Latn"): BOOKS[1:3] + BOOKS[:1]}, rule + "[caps]\nmax_per_src = 1")
    assert small_build.reasons() == {
        ("one", 0): "too_long",
        ("one", 1): "too_long",
    }


def test_workers_and_ranges_do_not_change_what_is_kept(small_build, monkeypatch):
    gates = "[caps]\nmax_per_src = 2\nmax_per_tgt = 2"
    sources = {("one", "ind_Latn"): BOOKS, ("two", "ind_Latn"): BOOKS[::-1]}
    small_build(sources, gates)
    before = small_build.reasons()
    monkeypatch.setattr(partition, "ROWS_PER_RANGE", 2)
    small_build(sources, gates, part_rows=2)
    assert small_build.reasons() == before
    assert len([reason for reason in before.values() if reason == "duplicate"]) == len(BOOKS)


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ('[caps]\nmax_per_src = 1\nscore = "laser.margin"', r"\[caps\] needs 'laser.margin'"),
        ('[caps]\nmax_per_src = 1\nscore = "length.x"', r"\[caps\]: no score 'length.x'; known"),
        ('[caps]\nscore = "length.src_chars"', "score ranks nothing without max_per_src"),
        ("[caps]\nmax_per_src = 0", "greater than or equal to 1"),
        ("[caps]\nmax_src = 1", "did you mean 'max_per_src'"),
    ],
)
def test_a_wrong_table_of_caps_says_so(small_build, gates, message):
    with pytest.raises(ConfigError, match=message):
        small_build({("one", "ind_Latn"): BOOKS}, gates)


def digests(out: Path) -> dict[str, str]:
    """SHA-256 of every result, by name."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("pairs", "dropped", "shards")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("seed", range(2))
def test_state_lost_at_random_is_made_again_to_the_same_bytes(small_build, seed):
    gates = "[caps]\nmax_per_src = 2\nmax_per_tgt = 2\n[near_dedup]\njaccard = 0.8"
    near = [(f"{src} {src} I said to them", f"{tgt} {tgt} kata saya") for src, tgt in BOOKS]
    sources = {("one", "ind_Latn"): BOOKS + near, ("two", "ind_Latn"): near[::-1] + BOOKS}
    small_build(sources, gates)
    before = digests(small_build.out)
    assert {"over_src_cap", "duplicate"} <= set(small_build.reasons().values())
    work = small_build.out / "work"
    chance = random.Random(seed)
    gates_state = [*work.glob("*dedup*/*"), *work.glob("*-cap*/*"), *work.glob("near-*/*")]
    lost = [path for path in sorted(gates_state) if chance.random() < 0.3]
    assert len(lost) > 20
    for path in lost:
        path.unlink(missing_ok=True)
    (small_build.out / "manifest.json").unlink()
    small_build(sources, gates)
    assert digests(small_build.out) == before
