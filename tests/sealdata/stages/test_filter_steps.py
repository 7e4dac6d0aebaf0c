"""Filter stages as steps on parts: clean, score, keys, dedup, decontaminate, hold-out, select."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.cleaners import Cleaner
from sealdata.component import load
from sealdata.dataset.audit import audit_build
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import read_json, write_json
from sealdata.pairs import REJECT_SCHEMA, make_pairs
from sealdata.readers import Source
from sealdata.scorers import Scorer
from sealdata.stages.clean import Clean
from sealdata.stages.dedup import Resolve
from sealdata.stages.ingest import Ingest
from sealdata.stages.keys import Keys
from sealdata.stages.partition import Flag, KeyFile, range_names
from sealdata.stages.rules import Rule, RuleEvaluator, ScoreStore
from sealdata.stages.sample import Sample
from sealdata.stages.score import fill
from sealdata.stages.select import Cutoffs, HoldOut, Select
from sealdata.text.hashing import mix
from sealdata.workflow.stage import OutputRef

PART = "part-00000"


class Strip(Cleaner):
    def clean(self, text: pl.Series) -> pl.Series:
        return text.str.strip_chars()


class Chars(Scorer):
    columns = {"src": "characters"}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        CALLS.append(pairs["src"].to_list())
        return pairs.select(src=pl.col("src").str.len_chars())


CALLS: list[list[str]] = []


def put(folder: Path, rows: list[tuple[str, str]], part: str = PART) -> Path:
    write_frame(make_pairs(rows), folder / f"{part}.parquet")
    return folder


def evaluator_of(cleaned: Path, stores: Path, low: int = 0) -> RuleEvaluator:
    for file in sorted(cleaned.glob("*.parquet")):
        pairs = read_frame(file)
        fill(stores / file.name, Chars(), pairs, pl.repeat(True, pairs.height, eager=True))
    rule = Rule("too_short", "chars.src", "rules", (low, None), False, {})
    scores = {"chars": ScoreStore("rules", stores, {"version": 1})}
    return RuleEvaluator((rule,), scores, (), "ind_Latn", OutputRef("clean", cleaned))


def test_clean_counts_changed_rows_and_shows_examples(tmp_path):
    put(tmp_path / "in", [(" a ", "b"), ("c", "d"), ("e", " f"), (" g", " h")])
    record = Clean({"strip": Strip()}, tmp_path / "in")(PART, tmp_path / "out")
    assert record.facts == {
        "changed": {"strip": 3},
        "examples": {"strip": [[" a ", "a"], [" g", "g"], [" f", "f"], [" h", "h"]]},
        "example_rows": {"strip": [0, 3, 2, 3]},
    }
    cleaned = read_frame(tmp_path / "out" / f"{PART}.parquet")
    assert cleaned["src"].to_list() == ["a", "c", "e", "g"]
    assert cleaned["row"].to_list() == [0, 1, 2, 3]


VISIBLE = ["x", "—", "&nbsp", "👍🏽", "\ufffd", "\u0e33"]
EMPTIED = [
    *("&nbsp;", "&#8203; &#xFEFF;", "<br/>", "<p></p>", "\u200b", "\ufeff", "\xad\u2060"),
    *("\u2800", "\U000e0041\U000e007f", "\u3164", "\u200d\u200c", "\ufe0f"),
]


@pytest.mark.parametrize("cleaning", [True, False])
def test_a_side_with_nothing_to_see_is_dropped_whatever_the_rules(small_build, cleaning):
    gates = "[clean.html]\n[clean.unicode]\n[clean.whitespace]\n[dedup]\noff = true\n"
    pairs = [(f"Good day {n}.", side) for n, side in enumerate([*VISIBLE, *EMPTIED])]
    manifest = small_build({("s", "tha_Thai"): pairs}, gates if cleaning else "")
    markup = 0 if cleaning else 4  # without a cleaner, these four are text
    kept = small_build.rows("pairs")["row"].to_list()
    assert kept == list(range(len(VISIBLE) + markup))
    [row] = manifest.funnel
    assert row.dropped == {"rules": {"empty_side": len(EMPTIED) - markup}}
    assert set(small_build.rows("dropped")["reason"]) == {"empty_side"}


def test_of_two_reasons_the_empty_side_comes_first_and_the_audit_counts_by_stage(small_build):
    pairs = [("Good day.", "สวัสดี"), ("\u200b", "สวัสดี"), ("", "สวัสดี"), ("x", "สวัสดี")]
    small_build({("s", "tha_Thai"): pairs})
    assert small_build.rows("dropped").sort("row")["reasons"].to_list() == [
        *(["empty_side", "too_short"], ["empty_side"], ["too_short"])
    ]
    reasons = audit_build(small_build.out).facts.reasons
    assert [(r.stage, r.reason, r.first, r.any, r.only) for r in reasons] == [
        ("ingest", "empty_side", 1, 1, 1),
        ("rules", "too_short", 1, 2, 1),
        ("rules", "empty_side", 1, 1, 0),
    ]


def test_a_pair_is_scored_once_however_often_thresholds_move(tmp_path):
    pairs = make_pairs([("a", "x"), ("bb", "x"), ("ccc", "x")])
    path = tmp_path / "s.parquet"
    CALLS.clear()
    fill(path, Chars(), pairs, pl.Series([True, False, False]))
    fill(path, Chars(), pairs, pl.Series([True, False, True]))
    fill(path, Chars(), pairs, pl.Series([False, False, True]))
    assert CALLS == [["a"], ["ccc"]]
    assert read_frame(path).to_dict(as_series=False) == {
        "src": [1, None, 3],
        "scored": [True, False, True],
    }


@pytest.fixture
def two_parts(tmp_path):
    """Two parts with duplicates within and across, in case and spacing; one pair is too short."""
    put(tmp_path / "clean", [("Come in.", "Masuk."), ("come  IN", "masuk"), ("x", "y")])
    put(tmp_path / "clean", [("Come in!", "Masuk"), ("Come in.", "Silakan masuk.")], "part-00001")
    return evaluator_of(tmp_path / "clean", tmp_path / "stores", low=2)


def keys_of(evaluator: RuleEvaluator, folder: Path) -> list[KeyFile]:
    parts = ("part-00000", "part-00001")
    for part in parts:
        Keys(evaluator)(part, folder)
    return [KeyFile(folder / f"{part}.parquet", i, "ind_Latn") for i, part in enumerate(parts)]


@pytest.mark.parametrize("ranges", [("range-00000-of-00001",), range_names(25_000_000)])
def test_the_first_of_equal_pairs_survives(tmp_path, two_parts, ranges):
    files = tuple(keys_of(two_parts, tmp_path / "keys"))
    for name in ranges:
        Resolve(files)(name, tmp_path / "dup")
    orders = {"part-00000": 0, "part-00001": 1}
    job = Flag("dedup", "duplicate", tmp_path / "dup", ranges, orders, two_parts.cleaned.folder)
    flags = []
    for part in orders:
        record = job(part, tmp_path / "mask")
        flags.append(read_frame(tmp_path / "mask" / f"{part}.parquet")["flag"].to_list())
        assert record.dropped == {"duplicate": 1}
    assert flags == [[False, True, False], [True, False]]


def test_pairs_of_two_languages_are_no_duplicates(tmp_path, two_parts):
    files = keys_of(two_parts, tmp_path / "keys")
    other = KeyFile(files[1].path, 1, "zsm_Latn")
    record = Resolve((files[0], other))("range-00000-of-00001", tmp_path / "dup")
    assert record.dropped == {"duplicate": 1}  # within the first part alone


@pytest.fixture
def selected(tmp_path):
    """40 pairs, one too short, one unreadable; a quarter are candidates, two may be validation."""
    rows = [("x", "pendek")] + [(f"Sentence number {i}.", f"Kalimat {i}.") for i in range(39)]
    evaluator = evaluator_of(put(tmp_path / "clean", rows), tmp_path / "stores", low=2)
    rejected = pl.DataFrame(
        [("memory", 40, "nul_byte", "a\ufffdb")], schema=REJECT_SCHEMA, orient="row"
    )
    write_frame(rejected, tmp_path / "ingest" / f"{PART}.rejected.parquet")
    Keys(evaluator)(PART, tmp_path / "keys")
    held = HoldOut(evaluator, tmp_path / "keys", 0.25, 1)(PART, tmp_path / "held")
    files = (tmp_path / "held" / f"{PART}.parquet",)
    Cutoffs({"ind_Latn": files}, 2)("all", tmp_path / "cut")
    job = Select(
        evaluator, tmp_path / "ingest", tmp_path / "held", tmp_path / "cut" / "all.cutoffs.json"
    )
    record = job(PART, tmp_path / "out")
    return held.facts["candidates"], record, tmp_path


def test_every_row_lands_somewhere(selected):
    candidates, record, folder = selected
    assert candidates > 2
    assert record.rows_in == 40
    assert record.facts["validation"] == 2
    assert record.facts["train"] == 39 - candidates
    assert record.dropped == {"held_out": candidates - 2, "too_short": 1}
    assert record.facts["first"] == {
        "rules": {"too_short": 1},
        "select": {"held_out": candidates - 2},
    }
    rows = [
        read_frame(folder / "out" / f"{PART}.{name}.parquet")["row"].to_list()
        for name in ("train", "validation", "dropped")
    ]
    assert sorted(row for part in rows for row in part) == list(range(41))


def test_the_ledger_says_why(selected):
    _, _, folder = selected
    ledger = read_frame(folder / "out" / f"{PART}.dropped.parquet")
    short = ledger.row(0, named=True)
    assert (short["stage"], short["reason"], short["reasons"]) == (
        "rules",
        "too_short",
        ["too_short"],
    )
    unreadable = ledger.row(-1, named=True)
    assert (unreadable["stage"], unreadable["reason"], unreadable["src"], unreadable["raw"]) == (
        "ingest",
        "nul_byte",
        None,
        "a\ufffdb",
    )


def test_validation_takes_the_smallest_hashes(selected):
    _, _, folder = selected
    cutoff = read_json(folder / "cut" / "all.cutoffs.json")["ind_Latn"]
    held = read_frame(folder / "held" / f"{PART}.parquet")
    below = held.filter(pl.col("hash") < pl.lit(cutoff, pl.UInt64))["at"].to_list()
    validation = read_frame(folder / "out" / f"{PART}.validation.parquet")
    assert validation["row"].to_list() == sorted(below)


def test_the_share_of_candidates_is_that_of_the_hashes(selected):
    """Counted from the keys by hand: a quarter of the hash values, whatever the pairs."""
    candidates, _, folder = selected
    keys = read_frame(folder / "keys" / f"{PART}.parquet")
    hashes = mix(keys["src_key"], 1).to_list()
    below = sorted(value for value in hashes if value < 2**62)
    assert len(hashes) == 39
    assert candidates == len(below) == 8
    cutoff = read_json(folder / "cut" / "all.cutoffs.json")["ind_Latn"]
    assert cutoff == below[2]  # two pairs are validation, the third is the first that is not


@pytest.mark.parametrize(("max_pairs", "cutoff"), [(3, 2**64), (2, 30), (0, 10)])
def test_a_language_at_its_cap_keeps_all_candidates(tmp_path, max_pairs, cutoff):
    hashes = pl.DataFrame({"hash": pl.Series([30, 10, 20], dtype=pl.UInt64)})
    write_frame(hashes, tmp_path / "h.parquet")
    Cutoffs({"lao_Laoo": (tmp_path / "h.parquet",)}, max_pairs)("all", tmp_path)
    assert read_json(tmp_path / "all.cutoffs.json") == {"lao_Laoo": cutoff}


def test_a_candidate_with_the_largest_hashes_is_validation_where_the_cap_allows(tmp_path):
    """Without a cap, the cutoff is above every u64 value, and must not wrap or lose any."""
    evaluator = evaluator_of(put(tmp_path / "clean", [("abc", "x"), ("def", "y")]), tmp_path / "s")
    rows = pl.DataFrame({"at": [0, 1], "hash": [2**63 + 1, 5]}).cast(
        {"at": pl.UInt32, "hash": pl.UInt64}
    )
    write_frame(rows, tmp_path / "held" / f"{PART}.parquet")
    write_frame(
        pl.DataFrame(schema=REJECT_SCHEMA), tmp_path / "ingest" / f"{PART}.rejected.parquet"
    )
    write_json(tmp_path / "c.json", {"ind_Latn": 2**64})
    step = Select(evaluator, tmp_path / "ingest", tmp_path / "held", tmp_path / "c.json")
    assert step(PART, tmp_path / "out").facts["validation"] == 2


def test_keys_are_sorted_so_that_ranges_can_be_read(selected):
    _, _, folder = selected
    keys = read_frame(folder / "keys" / f"{PART}.parquet")
    assert keys["src_key"].is_sorted()
    assert not keys["at"].is_sorted()


def test_clean_keeps_five_examples(tmp_path):
    put(tmp_path / "in", [(f" {n}", "x") for n in range(7)])
    record = Clean({"strip": Strip()}, tmp_path / "in")(PART, tmp_path / "out")
    assert record.facts["changed"] == {"strip": 7}
    assert record.facts["examples"]["strip"] == [[f" {n}", f"{n}"] for n in range(5)]


def test_a_sample_is_in_the_order_of_the_rows(tmp_path):
    """Drawn by hash, written by row: a reader of the part finds them in order."""
    rows = [(f"Sentence {n}.", f"Kalimat {n}.") for n in range(30)]
    evaluator = evaluator_of(put(tmp_path / "clean", rows), tmp_path / "stores")
    record = Sample({PART: 12}, {"chars": Chars()}, evaluator, 1)(PART, tmp_path / "out")
    drawn = read_frame(tmp_path / "out" / f"{PART}.parquet")["row"].to_list()
    assert record.rows_in == len(drawn) == 12
    assert drawn == sorted(drawn) != list(range(12))


def test_of_each_reason_a_thousand_rejects_are_kept_and_all_are_counted(tmp_path):
    lines = ["one\n"] * 1003 + ["good\tbaik\n"] + ["a\tb\tc\n"] * 2
    (tmp_path / "pairs.tsv").write_text("".join(lines), "utf-8")
    reader = load("readers", "tsv", {"layout": "pairs"})
    source = Source("mined", tmp_path / "pairs.tsv", "eng_Latn", "ind_Latn")
    record = Ingest(reader, source, part_rows=5000)("mined", tmp_path / "out")
    assert record.dropped == {"wrong_column_count": 1005}
    kept = read_frame(tmp_path / "out" / f"{PART}.rejected.parquet")
    assert kept.height == 1000
    assert kept["row"].to_list() == list(range(1000))
