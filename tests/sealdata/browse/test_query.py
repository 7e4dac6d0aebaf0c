"""Queries against loops over all rows: the same pairs, counts, bars and order."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.browse.request import parse_query
from sealdata.browse.session import Session
from sealdata.errors import ConfigError

from ..report.conftest import EVIL, RULES, TEXTS

Row = dict[str, Any]
STAGES = {"length": 0, "ratio": 0, "lid": 1, "laser": 2}
SCORED = {"ingest": 0, "dedup": 1, "lid": 2, "similarity": 3}  # stages of rules before each


@pytest.fixture(scope="module")
def session(out: Path) -> Session:
    return Session(out)


def ask(session: Session, **query: Any) -> list[tuple[str, int]]:
    """Source and row of all pages."""
    found: list[tuple[str, int]] = []
    while rows := session.rows(parse_query(json.dumps(query | {"page": len(found) // 50}))):
        found += [(row["source"], row["row"]) for row in rows]
        if len(rows) < 50:
            break
    return found


def names(rows: list[Row]) -> list[tuple[str, int]]:
    return [(row["source"], row["row"]) for row in rows]


def below(value: Any, limit: float) -> bool:
    """Compared in the precision of the column, as rules do."""
    return bool(np.float32(value) < np.float32(limit))


def has(pattern: str, *sides: str) -> Callable[[Row], bool]:
    return lambda row: any(re.search(pattern, row.get(side) or "", re.IGNORECASE) for side in sides)


CASES: list[tuple[dict[str, Any], Callable[[Row], bool]]] = [
    ({}, lambda row: True),
    ({"text": "MANGOES"}, has("mangoes", "src")),
    ({"text": "mango", "side": "tgt"}, lambda row: False),
    ({"text": "ลูกที่ตลาด"}, has("ลูกที่ตลาด", "tgt")),
    ({"text": "column <b>HERE</b>"}, has("column <b>here</b>", "raw")),
    ({"text": "(1)"}, has(r"\(1\)", "src")),
    ({"text": r"^the clinic.*\b1[0-3] ", "regex": True}, has(r"^the clinic.*\b1[0-3] ", "src")),
    ({"text": "pelem|ตลาด", "regex": True, "side": "tgt"}, has("pelem|ตลาด", "tgt")),
    ({"lang": "jav_Latn"}, lambda row: row["lang"] == "jav_Latn"),
    ({"source": "mya-web"}, lambda row: row["source"] == "mya-web"),
    ({"outcome": "kept"}, lambda row: row["kept"]),
    (
        {"outcome": "dropped", "lang": "tha_Thai"},
        lambda r: not r["kept"] and r["lang"] == "tha_Thai",
    ),
    ({"reason": "low_similarity"}, lambda row: "low_similarity" in (row.get("reasons") or [])),
    ({"reason": "bad_columns"}, lambda row: "bad_columns" in (row.get("reasons") or [])),
    (
        {"ranges": {"laser.cosine": [0.6, 0.7]}},
        lambda r: (
            r["laser.cosine"] is not None
            and not below(r["laser.cosine"], 0.6)
            and below(r["laser.cosine"], 0.7)
        ),
    ),
    (
        {"ranges": {"lid.tgt_prob": [None, 0.5], "length.src_chars": [40, None]}, "text": "a"},
        lambda r: (
            r["lid.tgt_prob"] is not None
            and below(r["lid.tgt_prob"], 0.5)
            and r["length.src_chars"] >= 40
            and has("a", "src", "tgt")(r)
        ),
    ),
    ({"ranges": {"made.up": [0, 1]}}, lambda row: False),
]


@pytest.mark.parametrize(("query", "matches"), CASES, ids=[str(case[0]) for case in CASES])
def test_filters_equal_a_loop(session, every, query, matches):
    expected = [row for row in every if matches(row)]
    assert ask(session, **query) == names(expected)
    counts = session.figures(parse_query(json.dumps(query | {"outcome": "all"})))["counts"]
    if "outcome" in query:
        assert counts[query["outcome"]] == len(expected)
    else:
        kept = sum(row["kept"] for row in expected)
        assert (counts["all"], counts["kept"]) == (len(expected), kept)
        assert (counts["added"], counts["removed"]) == (0, 0)


@pytest.mark.parametrize("score", ["laser.cosine", "length.src_chars", "ratio.chars"])
def test_bars_count_rows_outside_the_range_of_their_own_score_too(session, every, score):
    ranges = {score: [0.7, 0.8], "lid.tgt_prob": [0.2, None]}
    figures = session.figures(parse_query(json.dumps({"score": score, "ranges": ranges})))
    edges = session.pairs.bars[score]
    rows = [r for r in every if r["lid.tgt_prob"] is not None and not below(r["lid.tgt_prob"], 0.2)]
    bars = [[0, 0, 0] for _ in range(len(edges) + 1)]
    missing = [0, 0, 0]
    for row in rows:
        kept = row["kept"]
        bar = missing
        if row[score] is not None:
            bar = bars[sum(not below(row[score], edge) for edge in edges)]
        bar[0 if kept else 1] += 1
        bar[2] += kept
    assert figures["bars"] == bars
    assert figures["missing"] == missing
    assert sum(map(sum, bars)) > 100


def fails(row: Row, rule: dict[str, Any], limits: list[dict[str, Any]], number: int) -> bool:
    """Whether a row fails a rule with its limits moved; a loop over what the recipe says."""
    own = rule.get("languages", {}).get(row["lang"], {})
    low, high = (own.get(side, rule.get(side)) for side in ("min", "max"))
    off = own.get("off", False)
    for limit in limits:
        if limit["rule"] == number and limit["lang"] == "":
            low = low if "min" in own else limit.get("min", low)
            high = high if "max" in own else limit.get("max", high)
    for limit in limits:
        if limit["rule"] == number and limit["lang"] == row["lang"]:
            low, high, off = limit.get("min", low), limit.get("max", high), False
    value = row[rule["score"]]
    if off or value is None:
        return False
    return (low is not None and below(value, low)) or (high is not None and below(high, value))


def would_be_kept(row: Row, limits: list[dict[str, Any]]) -> bool:
    reasons = {rule["reason"] for rule in RULES}
    if not row["kept"] and set(row["reasons"]) - reasons:
        return False
    return not any(
        fails(row, rule, limits, number)
        for number, rule in enumerate(RULES)
        if row["kept"] or SCORED[row["stage"]] > STAGES[rule["score"].split(".")[0]]
    )


@st.composite
def moved_limits(draw: st.DrawFn) -> list[dict[str, Any]]:
    ranges = {"min": {0: (0, 60), 2: (0, 1), 3: (0.5, 1)}, "max": {1: (1, 4)}}
    limits = []
    for number in draw(st.sets(st.integers(0, 3), min_size=1)):
        side = "max" if number == 1 else "min"
        for lang in draw(st.sets(st.sampled_from(["", *TEXTS]), min_size=1)):
            value = draw(st.floats(*ranges[side][number], width=16))
            limit = {"rule": number, "score": RULES[number]["score"], "lang": lang, side: value}
            limits.append(limit)
    return limits


@settings(max_examples=12, deadline=None, derandomize=True)
@given(limits=moved_limits())
def test_moved_limits_equal_the_rules_evaluated_again(session, every, limits):
    added = [row for row in every if not row["kept"] and would_be_kept(row, limits)]
    removed = [row for row in every if row["kept"] and not would_be_kept(row, limits)]
    figures = session.figures(parse_query(json.dumps({"limits": limits})))
    assert (figures["counts"]["added"], figures["counts"]["removed"]) == (len(added), len(removed))
    # Rules on similarity come last: what language ID dropped has not been scored by it.
    assert figures["unseen"] == sum(row["stage"] != "similarity" for row in added)
    assert ask(session, limits=limits, outcome="added") == names(added)
    assert ask(session, limits=limits, outcome="removed") == names(removed)


def test_a_pair_does_not_fail_a_score_that_was_never_computed(out, every):
    """Language ID dropped these pairs before similarity was computed, which must not be missing."""
    session = Session(out)
    session.rules[3] = session.rules[3].model_copy(update={"missing": "drop"})
    limits = [{"rule": 2, "score": "lid.tgt_prob", "lang": "", "min": 0}]
    added = [row for row in every if row.get("stage") == "lid"]
    assert ask(session, limits=limits, outcome="added") == names(added)
    assert len(added) > 30


def test_what_a_row_says_of_moved_limits(session):
    limits = [{"rule": 3, "score": "laser.cosine", "lang": "", "min": 0.9}]
    query = {"limits": limits, "outcome": "removed", "lang": "tha_Thai", "sort": "low"}
    row = session.rows(parse_query(json.dumps(query | {"score": "laser.cosine"})))[0]
    value = f"{row['scores']['laser.cosine']:.6g}"
    assert row["fails_after"] == [["low_similarity", f"laser.cosine {value}, must be ≥ 0.9"]]
    assert (row["kept"], row["after"]) == (True, False)


@pytest.mark.parametrize("sort", ["distance", "low", "high"])
def test_order(session, every, sort):
    limits = [{"rule": 3, "score": "laser.cosine", "lang": "mya_Mymr", "min": 0.7}]

    def key(row: Row) -> tuple[bool, float, int]:
        value, limit = row["laser.cosine"], 0.7 if row["lang"] == "mya_Mymr" else 0.6
        by = {"distance": abs((value or 0) - limit), "low": value, "high": -(value or 0)}
        return value is None, by[sort] if value is not None else 0, every.index(row)

    actual = ask(session, sort=sort, score="laser.cosine", limits=limits)
    assert actual == names(sorted(every, key=key))


def test_passages_to_mark_are_those_that_the_search_found(session):
    query = {"text": r"ALERT\(.", "regex": True, "lang": "jav_Latn"}
    [row] = session.rows(parse_query(json.dumps(query)))
    assert row["src"] == EVIL
    assert row["hits"] == {"src": ["alert(1", "alert(2"]}


BAD = [
    ({"text": "(", "regex": True}, "not a regular expression: unclosed group"),
    ({"text": "(?=x)", "regex": True}, "look-around"),
    ({"text": "x" * 1001}, "text"),
    ({"lang": 3}, "lang"),
    ({"file": "/etc/passwd"}, "file"),
    ({"label": "fine"}, "no label 'fine'"),
    ({"sort": "distance"}, "choose a score"),
    ({"sort": "distance", "score": "lid.tgt_label"}, "choose a score"),
    ({"sort": "low", "score": "laser.cosine", "page": 400}, "only the first 20,000"),
    ({"limits": [{"rule": 3, "score": "ratio.chars", "min": 1}]}, "no rule 3 on ratio.chars"),
    ({"limits": [{"rule": 9, "score": "laser.cosine", "min": 1}]}, "no rule 9"),
    ({"limits": [{"rule": 3, "score": "laser.cosine", "lang": "deu_Latn"}]}, "no language"),
]


@pytest.mark.parametrize(("query", "message"), BAD, ids=[str(case[0])[:40] for case in BAD])
def test_wrong_queries_are_refused_in_words(session, query, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        session.rows(parse_query(json.dumps(query)))
    for text in ("", "[]", "{", '{"page": 1e999}', '{"ranges": {"a.b": [NaN, 1]}}'):
        with pytest.raises(ConfigError):
            parse_query(text)
