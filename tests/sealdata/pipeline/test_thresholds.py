"""A rule that gives a margin a cosine's threshold, or the reverse, is refused and told why."""

import pytest

from sealdata.errors import ConfigError
from sealdata.pipeline.plan import Plan, bind_rule
from sealdata.recipe.tables import Recipe, RuleTable

SOURCE = {
    "name": "a",
    "reader": "tsv",
    "path": "a.tsv",
    "src_lang": "eng_Latn",
    "tgt_lang": "tha_Thai",
}


def plan(tmp_path, margin=None, **rule):
    asked = {"margin": margin} if margin else {}
    table = {
        "name": "t",
        "source": [SOURCE],
        "score": {"stored": {}, "laser": {"encoder": "sample", **asked}},
        "rule": [{"reason": "low", **rule}],
        "tokenizer": {"path": "t"},
    }
    return Plan(Recipe.model_validate(table), tmp_path)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"score": "stored.margin", "min": 0.8}, "a cosine's threshold keeps everything"),
        (
            {"score": "stored.margin", "max": 0.95, "min": 0.6},
            "is not a threshold of a ratio margin",
        ),
        ({"score": "laser.cosine", "min": 1.06}, "no cosine is above 1"),
        ({"score": "laser.cosine", "max": 1.25}, "1.25 is not a threshold of a cosine"),
        (
            {"score": "laser.cosine", "min": 0.5, "languages": {"th": {"min": 1.04}}},
            "1.04 is not a threshold of a cosine",
        ),
        (
            {"margin": "ratio", "score": "laser.margin", "min": 0.8},
            "0.8 is not a threshold of a ratio margin .*a cosine's threshold keeps everything",
        ),
        (
            {"margin": "ratio", "score": "laser.margin", "languages": {"th": {"min": 1.06}}},
            "1.06 for laser.margin: that is the limit of NLLB .*in the report of a build",
        ),
        (
            {"margin": "distance", "score": "laser.margin", "min": 1.06},
            "1.06 is not a threshold of a distance margin .*a difference of cosines",
        ),
        (
            {"margin": "distance", "score": "laser.margin", "min": 0.8},
            "0.8 is not a threshold of a distance margin",
        ),
        (
            {"score": "laser.margin", "min": 1.02},
            r'needs laser.margin, which is computed where \[score.laser\] says margin = "ratio"',
        ),
    ],
)
def test_thresholds_of_another_score(tmp_path, rule, message):
    with pytest.raises(ConfigError, match=message):
        plan(tmp_path, **rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"score": "stored.margin", "min": 1.06},
        {"score": "stored.margin", "max": 1.25},
        {"score": "laser.cosine", "min": 0.7, "max": 0.99},
        {"score": "stored.src_lid", "min": 0.5},
        {"margin": "ratio", "score": "laser.margin", "min": 1.0601, "max": 1.5},
        {"margin": "distance", "score": "laser.margin", "min": 0.05},
    ],
)
def test_thresholds_that_make_sense(tmp_path, rule):
    plan(tmp_path, **rule)


@pytest.mark.parametrize(("missing", "drops"), [("pass", False), ("drop", True)])
def test_bounds_of_a_language_replace_only_those_that_it_sets(missing: str, drops: bool) -> None:
    languages = {
        "jav_Latn": {"min": 2},
        "sun_Latn": {"max": 3},
        "tha_Thai": {"off": True},
        "lao_Laoo": {"min": 0, "max": 0},
        "khm_Khmr": {"min": float("-inf"), "max": float("inf")},  # takes the general limits away
    }
    table = {"reason": "r", "score": "a.b", "min": 1, "max": 9, "missing": missing}
    rule = bind_rule(RuleTable.model_validate(table | {"languages": languages}), "lid")
    assert (rule.stage, rule.bounds, rule.missing_drops) == ("lid", (1, 9), drops)
    assert rule.languages == {
        "jav_Latn": (2, 9),
        "sun_Latn": (1, 3),
        "tha_Thai": None,
        "lao_Laoo": (0, 0),
        "khm_Khmr": (None, None),
    }


def test_a_lexicon_learns_from_sources_that_are_there(tmp_path):
    def lexicon(**params):
        table = {"name": "t", "source": [SOURCE], "score": {"lexicon": params}}
        return Plan(Recipe.model_validate({**table, "tokenizer": {"path": "t"}}), tmp_path)

    assert lexicon(learn_from=["a"]).corpus_scores()[0] == "lexicon.evidence"
    with pytest.raises(ConfigError, match=r"learn_from: no source is named 'b'; the recipe has a$"):
        lexicon(learn_from=["a", "b"])
    kept = lexicon(learn_from=["a"]).pairwise_only(keep_learning=True)
    assert kept.scorers["lexicon"].learn_from == ["a"]
    assert lexicon(learn_from=["a"]).pairwise_only().scorers["lexicon"].learn_from == []
