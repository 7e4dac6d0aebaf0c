"""Filters of OpusCleaner and OpusFilter as rules: counterparts, and all that have none."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sealdata.component import available, component_class
from sealdata.errors import DataError
from sealdata.recipe.draft.calls import Call
from sealdata.recipe.draft.filters import read_filters
from sealdata.recipe.draft.translate import _COUNTERPARTS, add_call
from sealdata.recipe.draft.write import FilterDraft, write_draft
from sealdata.recipe.tables import RuleTable


def translated(name: str, parameters: dict[str, Any], english_last: bool = False) -> FilterDraft:
    draft = FilterDraft("")
    add_call(draft, Call(name, parameters, english_last))
    return draft


def limits(draft: FilterDraft) -> dict[str, tuple[float | None, float | None]]:
    return {rule["score"]: (rule.get("min"), rule.get("max")) for rule in draft.rules}


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("LengthRatioFilter", {}, {"ratio.chars": (None, 3)}),
        ("AlphabetRatioFilter", {"threshold": 0.7}, {
            "shares.src_letters": (0.7, None), "shares.tgt_letters": (0.7, None)}),
        ("CharacterScoreFilter", {"scripts": ["Latin", "Thai"], "thresholds": [1, 0.5]}, {
            "script.src_share": (1, None), "script.tgt_share": (0.5, None)}),
        ("CharacterScoreFilter", {"scripts": ["Latin", "Thai"]}, {
            "script.src_share": (1, None), "script.tgt_share": (1, None)}),
        # -log(7 + 1) is below -2, -log(6 + 1) is not.
        ("TerminalPunctuationFilter", {}, {"ending.apart": (None, 6)}),
        ("NonZeroNumeralsFilter", {"threshold": 0.4}, {"numerals.agreement": (0.4, None)}),
        ("LanguageIDFilter", {"languages": ["en", "th"], "thresholds": [0.5, 0]}, {
            "lid.src_prob": (0.5, None), "lid.tgt_margin": (0, None)}),
        ("HtmlTagFilter", {}, {"markup.remains": (None, 0)}),
        ("SimilarityFilter", {"threshold": 0.8}, {"near_copy.similarity": (None, 0.8)}),
        ("RepetitionFilter", {"threshold": 2}, {
            "repetition.src_share": (None, 0.6667), "repetition.tgt_share": (None, 0.6667)}),
        ("src_trg_ratio", {"RATIO": 0.5, "LOG": False}, {"ratio.chars": (None, 2)}),
        ("alpha_ratio", {"SRCALPHARAT": 0.3, "TRGALPHARAT": 0.6}, {
            "shares.src_letters": (0.3, None), "shares.tgt_letters": (0.6, None)}),
        ("fasttext_filter", {"LANG1": "en", "LANG2": "th"}, {
            "lid.src_margin": (0, None), "lid.tgt_margin": (0, None)}),
        ("num_mismatch", {"RATIO": 1.0}, {"numerals.agreement": (0.5, None)}),
        ("url_mismatch", {}, {"urls.mismatch": (None, 0)}),
    ],
)  # fmt: skip
def test_counterparts(
    name: str, parameters: dict[str, Any], expected: dict[str, tuple[float | None, float | None]]
) -> None:
    draft = translated(name, parameters)
    assert limits(draft) == expected
    assert draft.without == []
    assert set(draft.score) == {score.partition(".")[0] for score in expected}


def test_lengths_in_words_are_marked_and_in_characters_exact() -> None:
    words = translated("LengthFilter", {"min_length": 2, "max_length": [100, 50]})
    assert [(r["score"], r.get("min", r.get("max"))) for r in words.rules] == [
        ("length.src_chars", 12),
        ("length.src_chars", 600),
        ("length.tgt_chars", 12),
        ("length.tgt_chars", 300),
    ]
    assert all("CHECK: words are counted there" in note for note in words.notes)
    exact = translated("LengthFilter", {"min_length": 2, "max_length": 90, "unit": "char"})
    assert {rule.get("max") for rule in exact.rules} == {None, 90}
    assert not any("CHECK" in note for note in exact.notes)
    cleaner = translated("max_length", {"MAXLENGTH": 150, "MINLENGTH": 1})
    assert {(r.get("min"), r.get("max")) for r in cleaner.rules} == {(1, None), (None, 900)}


def test_sides_follow_the_order_of_the_files() -> None:
    parameters = {"scripts": ["Thai", "Latin"], "thresholds": [0.5, 0.9]}
    draft = translated("CharacterScoreFilter", parameters, english_last=True)
    assert limits(draft) == {"script.src_share": (0.9, None), "script.tgt_share": (0.5, None)}


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("RegExpFilter", {"regexps": "(?<=a)b"}, "because of a parameter: '(?<=a)b' is not"),
        ("fix_wiki", {}, "fix_wiki()"),
        ("LengthRatioFilter", {"threshold": "!var x"}, "because of a parameter: could not convert"),
        ("src_trg_ratio", {"LOG": True}, "because it compares logarithms"),
        ("LengthRatioFilter", {"threshold": float("inf")}, "because it limits nothing"),
        ("SentenceEmbeddingFilter", {"threshold": 0.4}, "a rule on laser.cosine, min = 0.4"),
    ],
)
def test_what_has_no_counterpart_is_named(name: str, parameters: dict[str, Any], said: str) -> None:
    draft = translated(name, parameters)
    assert draft.rules == []
    [text] = draft.without
    assert said in text


@pytest.mark.parametrize("name", _COUNTERPARTS)
def test_every_counterpart_makes_rules_and_scores_that_exist(name: str) -> None:
    draft = translated(name, {})
    for rule in draft.rules:
        RuleTable.model_validate(rule)
        table, _, column = rule["score"].partition(".")
        scorer = draft.score[table].get("scorer", table)
        assert column in component_class("scorers", scorer).columns  # type: ignore[attr-defined]
    assert set(draft.clean) <= set(available("cleaners"))
    assert len(draft.notes) == len(draft.rules)


def test_two_filters_of_one_kind_have_two_keys() -> None:
    draft = FilterDraft("")
    for threshold in (3, 4):
        add_call(draft, Call("LengthRatioFilter", {"threshold": threshold}, False))
    assert [rule.get("key") for rule in draft.rules] == [None, "length_ratio/ratio.chars/2"]


def test_patterns_have_scorers_of_their_own() -> None:
    draft = FilterDraft("")
    add_call(draft, Call("RegExpFilter", {"regexps": ["cookies", "คุกกี้"]}, False))
    add_call(draft, Call("RegExpFilter", {"regexps": r"\.$", "accept_match": True}, False))
    add_call(draft, Call("LongWordFilter", {"threshold": [40, 30]}, True))
    assert {name: table["pattern"] for name, table in draft.score.items()} == {
        "pattern_1": "cookies",
        "pattern_2": "คุกกี้",
        "pattern_3": r"\.$",
        "pattern_4": r"\S{30,}",
        "pattern_5": r"\S{40,}",
    }
    assert limits(draft) == {
        "pattern_1.src_count": (None, 0),
        "pattern_2.tgt_count": (None, 0),
        "pattern_3.src_count": (1, None),
        "pattern_3.tgt_count": (1, None),
        "pattern_4.src_count": (None, 0),
        "pattern_5.tgt_count": (None, 0),
    }


def test_patterns_are_written_as_a_recipe(tmp_path: Path) -> None:
    draft = FilterDraft("")
    add_call(draft, Call("RegExpFilter", {"regexps": [r'"\\', r"\d"]}, False))
    written = tomllib.loads(write_draft("r", [], [], draft, tmp_path))
    assert written["score"] == {
        "pattern_1": {"scorer": "regex", "pattern": r'"\\'},
        "pattern_2": {"scorer": "regex", "pattern": r"\d"},
    }
    assert [rule["score"] for rule in written["rule"]] == [
        "pattern_1.src_count",
        "pattern_2.tgt_count",
    ]


def test_opuscleaner(tmp_path: Path) -> None:
    path = tmp_path / "wiki.filter.json"
    filters = [
        {"filter": "deescape-special-chars", "parameters": {"LANG1": "en"}, "language": "en"},
        {"filter": "opus.HtmlTagFilter", "parameters": {}, "language": None},
        {"filter": "max_length", "parameters": {"MAXLENGTH": 10}, "language": "th"},
        {"filter": "alpha_ratio", "parameters": {"SRCALPHARAT": 0.3}, "language": None},
        {"filter": "made_up", "parameters": {"A": 1}, "language": None},
        "nonsense",
    ]
    path.write_text(json.dumps({"files": ["wiki.th.gz", "wiki.en.gz"], "filters": filters}))
    draft = read_filters(path, None)
    assert draft.clean == {"html": {}}
    assert draft.cleaners == {"html": "deescape-special-chars(LANG1='en')"}
    assert limits(draft) == {
        "markup.remains": (None, 0),
        "length.tgt_chars": (None, 60),
        "shares.src_letters": (0.5, None),  # English is the second file
        "shares.tgt_letters": (0.3, None),
    }
    assert draft.without == ["made_up(A=1)", "an entry that is not a filter: 'nonsense'"]
    assert not draft.dedup


def test_opusfilter(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        """
common:
  constants: {ratio: 4}
steps:
  - type: opus_read
    parameters: {corpus_name: ParaCrawl}
  - type: remove_duplicates
    parameters: {inputs: [a.th, a.en], outputs: [b.th, b.en]}
  - type: preprocess
    parameters:
      inputs: [b.th, b.en]
      preprocessors: [{WhitespaceNormalizer: {}}, {Tokenizer: {tokenizer: moses}}]
  - type: filter
    parameters:
      inputs: [b.th, b.en]
      filters:
        - LengthRatioFilter: {unit: char, threshold: !var ratio}
        - CharacterScoreFilter: {scripts: [Thai, Latin], thresholds: [0.5, !var other]}
        - HtmlTagFilter:
        - CrossEntropyFilter: {lm_params: []}
          module: mine
  - type: train_ngram
    parameters: {}
"""
    )
    draft = read_filters(path, None)
    assert limits(draft) == {"ratio.chars": (None, 4), "markup.remains": (None, 0)}
    assert draft.clean == {"whitespace": {}}
    assert draft.dedup
    named = " | ".join(draft.without)
    for text in ("Tokenizer(tokenizer='moses')", "!var other", "CrossEntropyFilter", "train_ngram"):
        assert text in named
    assert "opus_read" not in named


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", "is not .json"),
        ("a.yaml", "a: [", "is not .yaml"),
        ("a.yaml", "a: 1", "has neither a list 'filters' \\(OpusCleaner\\) nor a list 'steps'"),
        ("a.json", "[]", "has neither"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        read_filters(tmp_path / name, None)


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("steps: [!!python/object/apply:os.system ['false']]\n")
    with pytest.raises(DataError, match=r"is not \.yaml"):
        read_filters(path, None)
