"""The policies of the confusable sets, as rules of a recipe."""

import pytest

from sealdata.component import load
from sealdata.errors import ConfigError
from sealdata.languages import confusable_sets, resolve
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import Recipe, RuleTable

ENGLISH = "The government will build a new school in that village next year."
INDONESIAN = "Pemerintah akan membangun sekolah baru di desa itu tahun depan."
VIETNAMESE = "Chính phủ sẽ xây một trường học mới ở ngôi làng đó vào năm tới."
CEBUANO = "Ang gobyerno magtukod og bag-ong tulunghaan sa maong baryo sunod tuig."

WRONG = {"reason": "wrong_language", "score": "lid.tgt_set_margin", "min": 0.0}
KIN = {"reason": "confusable_language", "score": "lid.tgt_within_set_margin"}
POLICIES = {
    "within-set": [WRONG],
    "margin": [WRONG, KIN | {"min": -0.8}],
    "exact": [WRONG, KIN | {"min": 0.0}],
    "exact for a set": [WRONG, KIN | {"languages": {"malayic": {"min": 0.0}}}],
    "exact but for one": [
        WRONG,
        KIN | {"min": 0.0, "languages": {"malayic": {"off": True}, "zsm_Latn": {"min": 0.0}}},
    ],
}


def reasons(rules, text, lang):
    recipe, base = read_recipe("quickstart")
    table = recipe.model_dump() | {"score": {"lid": {}}, "rule": rules}
    plan = Plan(Recipe.model_validate(table), base)
    scores = load("scorers", "lid").score(make_pairs([(ENGLISH, text)], tgt_lang=lang))
    named = scores.rename({name: f"lid.{name}" for name in scores.columns})
    return [rule.reason for rule in plan.bound_rules() if rule.failed(named, lang).item()]


@pytest.mark.parametrize(
    ("policy", "text", "lang", "expected"),
    [
        ("within-set", INDONESIAN, "jav_Latn", []),
        ("within-set", VIETNAMESE, "jav_Latn", ["wrong_language"]),
        ("margin", INDONESIAN, "zsm_Latn", []),
        ("margin", INDONESIAN, "jav_Latn", ["confusable_language"]),
        ("exact", INDONESIAN, "zsm_Latn", ["confusable_language"]),
        ("exact", INDONESIAN, "ind_Latn", []),
        ("exact", VIETNAMESE, "ind_Latn", ["wrong_language"]),
        ("exact for a set", INDONESIAN, "jav_Latn", ["confusable_language"]),
        ("exact for a set", CEBUANO, "tgl_Latn", []),
        ("exact but for one", INDONESIAN, "jav_Latn", []),
        ("exact but for one", INDONESIAN, "zsm_Latn", ["confusable_language"]),
        ("exact but for one", CEBUANO, "tgl_Latn", ["confusable_language"]),
    ],
)
def test_what_a_policy_drops(policy, text, lang, expected):
    assert reasons(POLICIES[policy], text, lang) == expected


@pytest.mark.parametrize("side", ["src", "tgt"])
def test_a_former_column_is_an_error_that_names_the_new_one(side):
    recipe, base = read_recipe("quickstart")
    old = f"lid.{side}_kin_margin"
    message = f"score '{old}' is now called 'lid.{side}_within_set_margin'"
    changes = {
        "rule 'x'": {"rule": [{"reason": "x", "score": old, "min": 0.0}]},
        "[caps]": {"caps": {"score": old, "max_per_src": 1}},
    }
    for where, change in changes.items():
        table = recipe.model_dump() | {"score": {"lid": {}}, "rule": []} | change
        with pytest.raises(ConfigError) as caught:
            Plan(Recipe.model_validate(table), base)
        assert str(caught.value) == f"{where}: {message}"


def test_a_set_stands_for_its_languages():
    rule = RuleTable(**KIN, languages={"norwegian": {"min": 0.5}, "fil": {"min": 0.1}})
    assert list(rule.languages) == ["nob_Latn", "nno_Latn", "tgl_Latn"]
    with pytest.raises(ValueError, match="unknown language 'malay'; nearest"):
        RuleTable(**KIN, languages={"malay": {"min": 0.5}})


def test_a_set_has_the_name_of_no_language():
    for name in confusable_sets():
        with pytest.raises(ConfigError):
            resolve(name)
