"""laser.margin: values against brute force, whoever searches, however many do, after any crash."""

import shutil
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sealcli.sealdata import main
from sealdata.dataset.audit import audit_recipe
from sealdata.encoders import neighbours
from sealdata.encoders.neighbours import best_cosines
from sealdata.encoders.preprocess import normalise
from sealdata.errors import ConfigError, SealError
from sealdata.files.places import sample_dir
from sealdata.gold.calibrate import calibrate
from sealdata.pipeline import margin_stages
from sealdata.pipeline.plan import load_plan
from sealdata.scorers import MarginParams, laser
from sealdata.scorers.laser import _load
from sealdata.stages import margin
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

pytestmark = pytest.mark.slow

LANGS = ("ind_Latn", "tha_Thai", "mya_Mymr")
GATES = '[score.laser]\nencoder = "sample"\nmargin = "{kind}"\nneighbours = {k}\n'
RATIO = GATES.format(kind="ratio", k=4)
CLOSE = 2e-4  # half of the last decimal, and what float16 makes of a cosine


@cache
def lines(lang: str) -> list[str]:
    return (sample_dir() / "text" / f"{lang}.txt").read_text("utf-8").splitlines()


def pairs(lang: str, number: int) -> list[tuple[str, str]]:
    """Aligned sentences; the first ten also with the English of the next line, in capitals."""
    both = list(zip(lines("eng_Latn"), lines(lang), strict=True))[:number]
    return both + [(src.upper(), tgt) for (src, _), (_, tgt) in zip(both[1:11], both, strict=False)]


@cache
def vectors(texts: tuple[str, ...]) -> np.ndarray:
    return _load("sample", "fp32", "cpu").encode(texts, normalise=True)


def by_brute_force(rows: list[tuple[str, str]], kind: str, k: int) -> np.ndarray:
    """The definition, with all cosines at hand: distinct texts, partners among the neighbours."""
    texts = [normalise([row[side] for row in rows]) for side in (0, 1)]
    distinct = [list(dict.fromkeys(side)) for side in texts]
    src, tgt = (vectors(tuple(side)) for side in distinct)
    cosines = src.astype(np.float64) @ tgt.T.astype(np.float64)
    around_src = np.sort(cosines, axis=1)[:, -k:].mean(axis=1)
    around_tgt = np.sort(cosines, axis=0)[-k:].mean(axis=0)
    own = [
        [names.index(text) for text in side] for names, side in zip(distinct, texts, strict=True)
    ]
    mean = (around_src[own[0]] + around_tgt[own[1]]) / 2
    cosine = cosines[own[0], own[1]]
    return cosine / mean if kind == "ratio" else cosine - mean


def found(build) -> dict[str, np.ndarray]:
    """Margins by source, in the order of its rows."""
    rows = build.rows("pairs").sort("source", "row")
    return {name: own["laser.margin"].to_numpy() for (name,), own in rows.group_by("source")}


@pytest.mark.parametrize(("kind", "k"), [("ratio", 4), ("distance", 1)])
def test_margins_are_those_of_the_definition(small_build, kind, k):
    sources = {(lang, lang): pairs(lang, 24) for lang in LANGS}
    small_build(sources, GATES.format(kind=kind, k=k), part_rows=13)
    for lang, own in found(small_build).items():
        assert own == pytest.approx(by_brute_force(sources[lang, lang], kind, k), abs=CLOSE)


def test_blocks_and_workers_change_nothing(small_build, tmp_path, monkeypatch):
    sources = {("one", "tha_Thai"): pairs("tha_Thai", 20)}
    small_build(sources, RATIO, part_rows=10)
    once = files(small_build.out)
    assert len(once) == 3, "parts"
    again = type(small_build)(small_build.folder)
    again.out = tmp_path / "two"
    again(sources, RATIO, part_rows=10, workers=2)
    assert files(again.out) == once
    again.out = tmp_path / "blocks"
    monkeypatch.setattr(margin, "BLOCK", 7)
    monkeypatch.setattr(neighbours, "_TILE", 5)
    again(sources, RATIO, part_rows=10)
    assert len(list((again.out / "work").glob("margin-compare-*/block-*.src.npy"))) == 3
    assert sorted(files(again.out).values()) == sorted(once.values())


def files(out: Path) -> dict[str, bytes]:
    """The margins of all parts."""
    folders = sorted((out / "work").glob("margin-????????????????"))
    return {f"{f.name}/{p.name}": p.read_bytes() for f in folders for p in f.glob("*.parquet")}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dim=st.integers(1, 6),
    k=st.integers(1, 8),
    tile=st.integers(1, 17),
    seed=st.integers(0, 2**32 - 1),
)
def test_block_by_block_equals_all_at_once(sizes, dim, k, tile, seed):
    """Small integers as vectors: equal cosines are many, and every sum is exact."""
    generator = np.random.default_rng(seed)
    src, tgt = (generator.integers(-2, 3, (n, dim)).astype(np.float32) for n in sizes)
    cosines = src @ tgt.T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_TILE", tile)
        rows, columns = best_cosines(src, len(tgt), lambda start, stop: tgt[start:stop], k)
    for best, all_of_them in ((rows, cosines), (columns, cosines.T)):
        expected = np.full((len(all_of_them), k), -np.inf)
        most = min(k, all_of_them.shape[1])
        expected[:, k - most :] = np.sort(all_of_them, axis=1)[:, -most:]
        assert (best == expected).all()


def test_equal_texts_are_one_neighbour(small_build):
    """Ten pairs share an English sentence but for its case: were each a neighbour of every other
    one's translation, none of them could be closer than its neighbours."""
    rows = pairs("ind_Latn", 40)
    same = [(rows[0][0].upper() if i % 2 else rows[0][0], tgt) for i, (_, tgt) in enumerate(rows)]
    everything = rows[1:] + same[:10]
    small_build({("one", "ind_Latn"): everything}, RATIO, part_rows=11)
    [own] = found(small_build).values()
    assert own == pytest.approx(by_brute_force(everything, "ratio", 4), abs=CLOSE)
    [pool] = (small_build.out / "work").glob("margin-pool-*")
    assert len(np.load(pool / "src.npy")) == 40
    assert own[49] > 1.05, "the translation of the shared sentence"


def test_pools_too_small_have_no_margin(small_build):
    small_build({("one", "ind_Latn"): pairs("ind_Latn", 2)[:2]}, RATIO)
    assert small_build.rows("pairs")["laser.margin"].to_list() == [None, None]


def test_a_rule_on_the_margin_and_a_moved_gate(small_build):
    """Pairs that an earlier rule drops are in nobody's pool; once it lets them in, only they are
    encoded, and the margins are those of a build that never knew another limit."""
    sources = {("one", "ind_Latn"): pairs("ind_Latn", 60)}
    rule = '[[rule]]\nreason = "low_margin"\nscore = "laser.margin"\nmin = 1.02\n'
    gate = '[[rule]]\nreason = "short"\nscore = "length.src_chars"\nmin = {}\n'
    small_build(sources, RATIO + gate.format(60) + rule, part_rows=25)
    rows = sources["one", "ind_Latn"]
    alive = [i for i, (src, _) in enumerate(rows) if len(src) >= 60]
    expected = by_brute_force([rows[i] for i in alive], "ratio", 4)
    low = {i for i, value in zip(alive, expected, strict=True) if value < 1.02}
    reasons = small_build.reasons()
    assert 3 < len(low) == list(reasons.values()).count("low_margin")
    assert {row for (_, row), reason in reasons.items() if reason == "low_margin"} == low

    small_build(sources, RATIO + gate.format(2) + rule, part_rows=25)
    everything = by_brute_force(rows, "ratio", 4)
    kept = small_build.rows("pairs")
    assert kept.height == (everything >= 1.02).sum()
    near = everything[kept["row"].to_numpy()]
    assert kept["laser.margin"].to_numpy() == pytest.approx(near, abs=CLOSE)
    [store] = (small_build.out / "work").glob("vectors-laser-*")
    distinct = [len(set(normalise([r[side] for r in rows[:25]]))) for side in (0, 1)]
    assert len(np.load(store / "part-00000.npy")) == sum(distinct)


def test_lost_files_are_made_again(small_build):
    sources = {("one", "ind_Latn"): pairs("ind_Latn", 12)}
    small_build(sources, RATIO, part_rows=11)
    before = files(small_build.out)
    (small_build.out / "manifest.json").unlink()
    for pattern in ("vectors-*/part-00001.parquet", "margin-compare-*/block-00000.tgt.npy"):
        [lost] = (small_build.out / "work").glob(pattern)
        lost.unlink()
    [damaged] = (small_build.out / "work").glob("vectors-*/part-00000.npy")
    data = bytearray(damaged.read_bytes())
    data[-3] ^= 64  # in the sign or exponent of a number: the vector is another one
    damaged.write_bytes(data)
    for folder in (small_build.out / "work").glob("margin-????????????????"):
        (folder / "part-00000.parquet").unlink()
    small_build(sources, RATIO, part_rows=11)
    assert files(small_build.out) == before
    (small_build.out / "manifest.json").unlink()
    scored = sorted((small_build.out / "work").glob("score-similarity-*/*.json"))
    times = [path.stat().st_mtime_ns for path in scored]
    small_build(sources, RATIO, part_rows=11)
    assert [path.stat().st_mtime_ns for path in scored] == times, "finished parts stay"


def test_more_pairs_than_are_compared_need_faiss(small_build, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    gate = '[[rule]]\nreason = "short"\nscore = "length.src_chars"\nmin = 60\n'
    sources = {("one", "ind_Latn"): pairs("ind_Latn", 40)}
    few = sum(len(src) >= 60 for src, _ in sources["one", "ind_Latn"])
    monkeypatch.setattr(laser.Laser, "margin_params", lambda self: MarginParams("ratio", 4, few))
    small_build(sources, RATIO + gate)
    monkeypatch.setattr(laser.Laser, "margin_params", lambda self: MarginParams("ratio", 4, 20))
    with pytest.raises(SealError, match=r"pip install 'sealdata\[margin\]', or raise exact_up_to"):
        small_build(sources, RATIO + gate)


def many() -> list[tuple[str, str]]:
    """Some 500 pairs of sentences that are all different: the languages take the English of the
    same lines from different words on."""
    rows = []
    for cut, lang in enumerate(("ind_Latn", "jav_Latn", "sun_Latn")):
        english = (" ".join(line.split()[cut:]) or line for line in lines("eng_Latn"))
        rows += list(zip(english, lines(lang), strict=True))
    return rows


def test_neighbours_through_an_index(small_build, monkeypatch):
    """Every second pair of many is searched in the way of corpora of millions. A neighbour that is
    missed makes a mean lower and a ratio higher, never the reverse."""
    pytest.importorskip("faiss")
    monkeypatch.setattr(margin_stages, "MIN_INDEXED", 10)
    monkeypatch.setattr(margin, "BLOCK", 300)
    monkeypatch.setattr(laser.Laser, "margin_params", lambda self: MarginParams("ratio", 4, 20))
    sources = {("one", "ind_Latn"): many()}
    small_build(sources, RATIO, part_rows=333)
    [own] = found(small_build).values()
    exact = by_brute_force(sources["one", "ind_Latn"], "ratio", 4)
    assert (own > exact - CLOSE).all()
    assert (np.abs(own - exact) < CLOSE).mean() > 0.95
    once = files(small_build.out)
    (small_build.out / "manifest.json").unlink()
    for folder in (small_build.out / "work").glob("margin-*"):
        shutil.rmtree(folder)  # the vectors stay: they do not depend on the search
    small_build(sources, RATIO, part_rows=333)
    assert files(small_build.out) == once


def test_what_has_other_neighbours_leaves_the_margin_out(small_build):
    gates = RATIO + '[[rule]]\nreason = "low"\nscore = "laser.margin"\nmin = 1.02\nmissing = "drop"'
    small_build({("one", "ind_Latn"): pairs("ind_Latn", 12)}, gates)
    plan = load_plan(str(small_build.folder / "small.toml"))
    with LocalEngine(1) as engine:
        facts = audit_recipe(plan, small_build.folder / "audit", engine, NoProgress()).facts
    assert facts.basis.left_out == ["laser.margin"]
    assert not facts.reasons
    args = ["score", "--tgt-lang", "id", "--recipe", str(small_build.folder / "small.toml")]
    run = CliRunner().invoke(main, args, input="Hello.\tHalo semua.\n")
    assert "left out: laser.margin, which needs all pairs of a source" in run.stderr
    assert len(run.stdout.split("\t")) == 2 + len(run.stderr.splitlines()[1].split(", "))
    with pytest.raises(ConfigError, match=r"needs neighbours in a corpus"):
        calibrate(plan, sample_dir() / "eval", ["laser.margin"], 0.01)


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.lists(st.integers(0, 15), max_size=12), max_size=5), size=st.integers(1, 70)
)
def test_equal_keys_are_found_range_by_range(parts, size):
    """Sixteen keys spread over all ranges, however many ranges there are."""
    keys = [np.array(part, dtype=np.uint64) << np.uint64(60) for part in parts]
    every = [key for part in parts for key in part]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(margin, "_KEYS_PER_SORT", size)
        found = margin._first_positions(keys)
    assert found.tolist() == [every.index(key) for key in every]
