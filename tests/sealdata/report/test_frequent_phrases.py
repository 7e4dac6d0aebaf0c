"""Frequent phrases, lengths of unique and duplicate pairs, and top-level domains, by tables."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealdata.build_manifest import BuildManifest
from sealdata.report.audit_rows import AuditRows, ledger_rows
from sealdata.report.facts import audit_facts
from sealdata.report.html import write_report
from sealdata.report.ngrams import MAX_PHRASE, TOP, frequent, ngram_facts
from sealdata.report.other_views import OTHER_HOSTS, domain_facts, top_level
from sealdata.report.pair_lengths import pair_length_facts, percentiles
from sealdata.text.words import NO_SEGMENTER, words_by

Build = tuple[Path, BuildManifest]


@pytest.mark.parametrize(
    ("texts", "phrases"),
    [
        ([], []),
        (["one two three", ""], []),
        (["all rights reserved here"], []),  # in one text only
        # Counted once a text, in any case; white space of any kind separates.
        (
            ["All rights reserved here", "all  RIGHTS\nreserved here", "x y all rights reserved"],
            [("all rights reserved here", 2)],
        ),
        (["a b c d a b c d", "a b c d"], [("a b c d", 2)]),
        # Of phrases that overlap in three words the first is listed.
        (["a b c d e", "a b c d e", "b c d e"], [("b c d e", 3)]),
        (["a b c d", "a b c d", "e f g h", "e f g h"], [("a b c d", 2), ("e f g h", 2)]),
        # A phrase never joins two texts.
        (["a b", "c d", "a b", "c d"], []),
        ([f"a b c {'d' * 100}"] * 2, [(f"a b c {'d' * (MAX_PHRASE - 6)}…", 2)]),
    ],
)
def test_phrases_of_words_between_spaces(texts: list[str], phrases: list[tuple[str, int]]) -> None:
    assert frequent(pl.Series(texts, dtype=pl.String), "eng_Latn") == phrases


@pytest.mark.skipif(words_by("tha_Thai") == NO_SEGMENTER, reason="no segmenter is installed")
def test_phrases_of_words_by_icu() -> None:
    text = "ฝนตกหนักทำให้ต้องปิดถนน"
    [(phrase, count), *_] = frequent(pl.Series([text, "กรุณา", text + text]), "tha_Thai")
    assert count == 2
    assert phrase.replace(" ", "") in text
    assert len(phrase.split(" ")) == 4


@given(st.lists(st.text("ab \t", max_size=30), max_size=12))
def test_phrases_equal_a_plain_count(texts: list[str]) -> None:
    counts: dict[str, int] = {}
    for text in texts:
        words = text.split()
        for phrase in {" ".join(words[i : i + 4]) for i in range(len(words) - 3)}:
            counts[phrase] = counts.get(phrase, 0) + 1
    listed = frequent(pl.Series(texts, dtype=pl.String), "eng_Latn")
    assert len(listed) <= TOP
    assert all(counts[phrase] == count > 1 for phrase, count in listed)
    shared = sorted((-count, phrase) for phrase, count in counts.items() if count > 1)
    assert [(-count, phrase) for phrase, count in listed[:1]] == shared[:1]


def test_only_kept_pairs_have_phrases(build: Build) -> None:
    rows = ledger_rows(build[0], build[1].languages)
    english, other = ngram_facts(rows, "jav_Latn")
    kept = sum(row.kept for row in build[1].funnel if row.lang == "jav_Latn")
    assert (english.side, other.side, english.pairs, english.of) == ("src", "tgt", kept, kept)
    top = english.top[0]
    # Every fifth English sentence is the same, whatever its number.
    texts = pl.concat([f["src"] for f in _kept(rows, "jav_Latn")]).str.to_lowercase()
    assert top[1] == int(texts.str.contains(top[0], literal=True).sum())
    assert top[2] == 0.0


def _kept(rows: AuditRows, lang: str) -> list[pl.DataFrame]:
    return [f.filter(pl.col("stage").is_null()) for f in rows.frames(lang, ["src", "tgt"])]


@pytest.mark.parametrize(
    ("lengths", "rows", "expected"),
    [
        ([], [], {}),
        ([7], [1], {"10": 7, "50": 7, "90": 7}),
        ([1, 2], [1, 9], {"10": 1, "50": 2, "90": 2}),
        ([1, 2], [1, 10], {"10": 2, "50": 2, "90": 2}),
        ([1, 2, 3], [5, 4, 1], {"10": 1, "50": 1, "90": 2}),
    ],
)
def test_percentiles_of_lengths(
    lengths: list[int], rows: list[int], expected: dict[str, int]
) -> None:
    actual = percentiles(pl.Series(lengths, dtype=pl.Int64), pl.Series(rows, dtype=pl.Int64))
    assert actual == expected


def test_lengths_of_unique_and_duplicate_pairs(build: Build) -> None:
    """The build has one duplicate, and one record that could not be read and is not compared."""
    rows = ledger_rows(build[0], build[1].languages)
    unique, duplicate = pair_length_facts(rows, "tha_Thai")
    assert (unique.group, unique.rows, duplicate.group, duplicate.rows) == (
        "unique",
        69,
        "duplicate",
        1,
    )
    every = pl.concat(list(rows.frames("tha_Thai", ["src", "tgt"])), how="diagonal")
    [row] = every.filter(pl.col("stage") == "dedup").to_dicts()
    assert duplicate.src == dict.fromkeys(("10", "50", "90"), len(row["src"]))
    assert duplicate.tgt == dict.fromkeys(("10", "50", "90"), len(row["tgt"]))
    texts = every.filter(pl.col("stage").fill_null("") != "dedup")["src"].drop_nulls()
    assert unique.src["50"] == sorted(map(len, texts))[(69 - 1) // 2]


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("news.example.th", "th"),
        ("example.com.", "com"),
        ("xn--a.xn--p1ai", "xn--p1ai"),
        ("例え.テスト", "テスト"),
        ("192.168.0.1", OTHER_HOSTS),
        ("localhost", OTHER_HOSTS),
    ],
)
def test_top_level_domains(host: str, suffix: str) -> None:
    assert pl.DataFrame({"host": [host]}).select(top_level(pl.col("host"))).item() == suffix


def test_top_level_domains_are_counted_over_all_hosts(build: Build) -> None:
    rows = ledger_rows(build[0], build[1].languages)
    for file in rows.files["tha_Thai"]:
        frame = pl.read_parquet(file)
        # Thirty hosts, of which ten are listed; two thirds are in th.
        urls = [f"https://h{i % 30}.x.{'th' if i % 3 else 'com'}/" for i in range(frame.height)]
        frame.with_columns(pl.Series("tgt_url", urls, pl.String)).write_parquet(file)
    facts = domain_facts(rows, "tha_Thai")
    assert list(facts.top_level) == ["th", "com"]
    assert sum(part.rows for part in facts.top_level.values()) == facts.rows == 71
    assert len(facts.top) == 10


def test_the_page_has_them_and_padding_is_a_share(build: Build) -> None:
    out, manifest = build
    [first, *rest] = manifest.streams
    padded = first.model_copy(update={"num_tokens": 100, "num_padding": 402, "num_sequences": 1})
    manifest = manifest.model_copy(update={"streams": [padded, *rest]})
    page = out / "index.html"
    write_report(audit_facts(out, manifest), page, out)
    text = page.read_text("utf-8")
    assert '<td class="n">80.1 %</td>' in text  # 402 of 502 positions
    assert "402.0 %" not in text
    assert '<h2 id="ngrams">Frequent phrases</h2>' in text
    assert "wash your hands before" in text
    assert "unique<small>English, characters</small>" in text
