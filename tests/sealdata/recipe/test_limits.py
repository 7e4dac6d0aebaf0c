"""Limits by set of languages and by source: which entry goes first, and what is refused."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from sealdata.component import explain
from sealdata.pipeline.plan import bind_rule
from sealdata.recipe.inheritance import Layered, extend
from sealdata.recipe.limits import best_patterns
from sealdata.recipe.tables import Recipe, RuleTable

LANGUAGES = {"opus-a": "tha_Thai", "opus-b": "lao_Laoo", "nllb": "tha_Thai", "jw.org": "jav_Latn"}


def recipe(**rule: Any) -> Recipe:
    sources = [
        {"name": name, "reader": "tsv", "path": name, "src_lang": "en", "tgt_lang": lang}
        for name, lang in LANGUAGES.items()
    ]
    rules = [{"reason": "r", "score": "length.src_chars", **rule}]
    return Recipe.model_validate(
        {"name": "n", "source": sources, "rule": rules, "tokenizer": {"path": "t"}}
    )


def bounds(**rule: Any) -> dict[str, Any]:
    """The bounds of each source."""
    bound = bind_rule(recipe(**rule).rule[0], "rules", LANGUAGES)
    return {name: bound.bounds_in(lang, name) for name, lang in LANGUAGES.items()}


@pytest.mark.parametrize(
    ("patterns", "source", "best"),
    [
        (["*", "opus-*"], "opus-a", ["opus-*"]),
        (["opus-?", "opus-*"], "opus-a", ["opus-*", "opus-?"]),
        (["opus-a", "opus-[ab]"], "opus-a", ["opus-a"]),
        (["opus-a", "opus-aaaaaa*"], "opus-aaaaaaa", ["opus-aaaaaa*"]),
        (["OPUS-*"], "opus-a", []),
        (["a.c"], "abc", []),  # a dot is a dot
    ],
)
def test_the_most_specific_pattern(patterns: list[str], source: str, best: list[str]) -> None:
    assert best_patterns(source, patterns) == best


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            {"max": 9, "sources": {"opus-*": {"max": 4}}},
            {"opus-a": (None, 4), "opus-b": (None, 4), "nllb": (None, 9), "jw.org": (None, 9)},
        ),
        (  # a name before a pattern, and a pattern before a wider one
            {"max": 9, "sources": {"*": {"max": 1}, "opus-*": {"max": 2}, "opus-a": {"max": 3}}},
            {"opus-a": (None, 3), "opus-b": (None, 2), "nllb": (None, 1), "jw.org": (None, 1)},
        ),
        (  # a source before its language, and a limit that it does not set is the language's
            {
                "min": 1,
                "max": 9,
                "languages": {"th": {"min": 2, "max": 8}},
                "sources": {"opus-*": {"max": 4}},
            },
            {"opus-a": (2, 4), "opus-b": (1, 4), "nllb": (2, 8), "jw.org": (1, 9)},
        ),
        (  # off for the language, and yet a limit for one of its sources
            {"max": 9, "languages": {"th": {"off": True}}, "sources": {"nllb": {"max": 5}}},
            {"opus-a": None, "opus-b": (None, 9), "nllb": (None, 5), "jw.org": (None, 9)},
        ),
        (
            {"max": 9, "sources": {"jw.org": {"off": True}, "nllb": {"max": math.inf}}},
            {"opus-a": (None, 9), "opus-b": (None, 9), "nllb": (None, None), "jw.org": None},
        ),
        (  # a language before the list that it is in, and a list before its script
            {
                "max": 9,
                "languages": {
                    "Thai": {"max": 1},
                    "th, lao_Laoo": {"max": 2},
                    "lao_Laoo": {"max": 3},
                },
            },
            {"opus-a": (None, 2), "opus-b": (None, 3), "nllb": (None, 2), "jw.org": (None, 9)},
        ),
        (  # limits of sources only
            {"sources": {"nllb": {"min": 5}}},
            {"opus-a": (None, None), "opus-b": (None, None), "nllb": (5, None),
             "jw.org": (None, None)},
        ),
    ],
)  # fmt: skip
def test_the_more_specific_entry_goes_first(rule: Any, expected: Any) -> None:
    assert bounds(**rule) == expected


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"max": 9, "sources": {"opsu-*": {"max": 4}}},
            "rule 'r': no source is called 'opsu-*'; did you mean 'opus-b'?",
        ),
        (
            {"max": 9, "sources": {"zzz": {"max": 4}}},
            "rule 'r': no source is called 'zzz'; known: opus-a, opus-b, nllb, jw.org",
        ),
        (
            {"max": 9, "sources": {"opus-*": {"max": 4}, "*pus-a": {"max": 5}}},
            "rule 'r': '*pus-a' and 'opus-*' are equally specific for the source 'opus-a'; "
            "add an entry 'opus-a'",
        ),
        (
            {"max": 9, "languages": {"th, lo": {"max": 4}, "lo, jv": {"max": 5}}},
            "lao_Laoo is in two sets, 'th, lo' and 'lo, jv'",
        ),
        ({"max": 9, "languages": {"th, xxxx": {"max": 4}}}, "xxxx"),
        ({"sources": {"nllb": {"off": True}}}, "rule 'r' sets neither min nor max"),
    ],
)
def test_what_names_nothing_is_an_error(rule: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        recipe(**rule)
    assert message in str(caught.value)


def test_the_message_of_a_whole_recipe_has_no_empty_place() -> None:
    with pytest.raises(ValidationError) as caught:
        recipe(max=9, sources={"zzz": {"max": 4}})
    assert explain(caught.value, Recipe).startswith("rule 'r': no source is called 'zzz'; known: ")


def test_two_lists_of_the_same_languages_are_one_entry() -> None:
    base = {"rule": [{"reason": "r", "score": "s.x", "languages": {"lao, th": {"max": 1}}}]}
    top = {"rule": [{"reason": "r", "score": "s.x", "languages": {"tha_Thai,lao": {"min": 0}}}]}
    [rule] = extend(extend(Layered(), base, "a"), top, "b").table["rule"]
    assert rule["languages"] == {"lao_Laoo, tha_Thai": {"max": 1, "min": 0}}
    made = RuleTable.model_validate(rule)
    assert {code: (b.min, b.max) for code, b in made.languages.items()} == {
        "lao_Laoo": (0, 1),
        "tha_Thai": (0, 1),
    }
