"""The tables of a recipe: their defaults, and what each of them refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from sealdata.recipe.tables import Recipe

SOURCE = {"name": "s", "reader": "tsv", "path": "s", "src_lang": "en", "tgt_lang": "jv"}
STREAM = {"name": "t", "kind": "monolingual", "lang": "jv", "path": "t.txt"}
RULE = {"reason": "r", "score": "length.src_chars", "max": 9}
MINIMAL: dict[str, Any] = {"name": "n", "source": [SOURCE], "tokenizer": {"path": "t"}}


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(MINIMAL | changes)


def test_the_defaults_are_those_of_the_documentation() -> None:
    made = recipe(rule=[RULE], stream=[STREAM]).model_dump()
    assert (made["seed"], made["part_rows"]) == (1, 500_000)
    assert made["source"][0]["src_lang"] == "eng_Latn"
    assert made["source"][0]["tgt_lang"] == "jav_Latn"
    assert made["rule"][0] == {
        **RULE, "key": "", "min": None, "missing": "pass", "languages": {}, "sources": {}
    }  # fmt: skip
    assert made["dedup"] == {"off": False}
    assert made["decontaminate"] == {"refs": [], "containment": 0.8, "min_chars": 15}
    assert made["caps"] == {"max_per_src": None, "max_per_tgt": None, "score": None}
    assert made["near_dedup"] == {"jaccard": None}
    assert made["validation"] == {"share": 0.0005, "max_pairs": 1000}
    assert made["format"] == {
        "templates": ["{first_name}: {first}\n{second_name}: {second}"],
        "weights": None,
        "directions": "both",
        "names": "english",
        "document_pairs": 1,
        "document_layout": "sides",
    }
    assert made["pack"] == {
        "mode": "whole",
        "sequence_length": 4096,
        "block_length": 262_144,
        "lookahead": 16_384,
        "sidecars": [],
    }
    stream = made["stream"][0]
    assert (stream["reader"], stream["mode"], stream["dtype"], stream["from_pairs"]) == (
        *("text", None, None, False),
    )


def test_limits_of_a_script_hold_for_all_its_languages_below_those_of_a_set() -> None:
    table = {"Hani": {"max": 3}, "lao_thai": {"max": 4}, "Thai": {"max": 5}, "zh": {"max": 6}}
    [rule] = recipe(rule=[RULE | {"languages": table}]).rule
    limits = {lang: limit.max for lang, limit in rule.languages.items()}
    wanted = {"zho_Hant": 3, "zho_Hans": 6, "tha_Thai": 4, "lao_Laoo": 4}
    assert {lang: limits[lang] for lang in wanted} == wanted


def test_the_languages_of_a_rule_override_those_of_its_set() -> None:
    bounds = {"lao_thai": {"max": 3}, "tha_Thai": {"max": 4}}
    for order in (bounds, dict(reversed(bounds.items()))):
        [rule] = recipe(rule=[RULE | {"languages": order}]).rule
        assert {lang: limit.max for lang, limit in rule.languages.items()} == {
            "tha_Thai": 4,
            "lao_Laoo": 3,
        }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": []}, r"a recipe needs at least one \[\[source\]\]"),
        ({"source": [SOURCE, SOURCE]}, "two sources or streams are named 's'"),
        ({"stream": [STREAM | {"name": "s"}]}, "two sources or streams are named 's'"),
        ({"source": [SOURCE | {"name": "a/b"}]}, "the name 'a/b' must be letters"),
        ({"source": [SOURCE | {"src_lang": "su"}]}, "source 's': one side must be English"),
        ({"source": [SOURCE | {"tgt_lang": "en"}]}, "source 's': both sides are eng_Latn"),
        ({"stream": [STREAM | {"path": ""}]}, "stream 't' needs either path, from_pairs or tokens"),
        ({"stream": [STREAM | {"from_pairs": True}]}, "stream 't' needs either path, from_pairs"),
        (
            {"stream": [STREAM | {"path": "", "from_pairs": True, "kind": "replay"}]},
            "stream 't': only monolingual text comes from_pairs",
        ),
        (
            {"stream": [STREAM | {"path": "", "from_pairs": True, "lang": "su"}]},
            "stream 't': no source has sun_Latn",
        ),
        ({"stream": [STREAM | {"dtype": "uint16"}]}, "stream 't': dtype is for tokens"),
        ({"rule": [RULE | {"max": None}]}, "rule 'r' sets neither min nor max"),
        ({"caps": {"score": "length.src_chars"}}, "score ranks nothing without max_per_src"),
        ({"caps": {"max_per_src": 0}}, r"caps\.max_per_src\n.*greater than or equal to 1"),
        ({"near_dedup": {"jaccard": 0.69}}, r"near_dedup\.jaccard\n.*greater than or equal to 0.7"),
        ({"decontaminate": {"containment": 0.49}}, r"containment\n.*greater than or equal to 0.5"),
        ({"validation": {"share": 1}}, r"validation\.share\n.*less than 1"),
        ({"format": {"weights": [1, 1]}}, "templates and weights must be lists of one length"),
        ({"format": {"templates": []}}, "templates and weights must be lists of one length"),
        ({"format": {"weights": [0]}}, "every weight must be above 0"),
        (
            {"pack": {"sequence_length": 32, "block_length": 48}},
            "block_length must be a multiple of sequence_length",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe(**changes)


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"exclude": {"lists": ["l"]}}, "exclude"),
        ({"decontaminate": {"refs": ["r"]}}, "decontaminate"),
        ({"caps": {"max_per_src": 1}}, "caps"),
        ({"caps": {"max_per_tgt": 1}}, "caps"),
        ({"near_dedup": {"jaccard": 0.8}}, "near-dedup"),
    ],
)
def test_a_stage_is_asked_for_by_its_table(changes: dict[str, Any], stage: str) -> None:
    stages = ("exclude", "dedup", "decontaminate", "caps", "near-dedup")
    made = recipe(dedup={"off": True}, **changes)
    assert [name for name in stages if made.asks_for(name)] == [stage]
    assert [name for name in stages if recipe().asks_for(name)] == ["dedup"]
