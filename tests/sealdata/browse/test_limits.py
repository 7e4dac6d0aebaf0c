"""A recipe patch says what the page showed: read back, it has the rules of the moved limits."""

import pytest

from sealdata.browse.limits import base_recipe, move, patch
from sealdata.browse.request import MovedLimit
from sealdata.pipeline.plan import bind_rule
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import RuleTable

LANGUAGES = ["ind_Latn", "jav_Latn", "lao_Laoo"]
CASES = [
    # score of a rule or of a new one, language, sides, lines of the patch
    ([("laser.cosine", "", {"min": 0.4})], ["min = 0.4"]),
    ([("laser.cosine", "ind_Latn", {"min": 0.5})], ["ind_Latn = { min = 0.5 }"]),
    ([("laser.cosine", "lao_Laoo", {"min": 0.2})], ["lao_Laoo = { min = 0.2, off = false }"]),
    ([("laser.cosine", "ind_Latn", {"min": None})], ["ind_Latn = { off = true }"]),
    (
        [("ratio.chars", "", {"max": None})],
        ['remove = [\n    "rule.length_ratio/ratio.chars",\n]'],
    ),
    ([("ratio.chars", "", {"max": 2.5, "min": 1.1})], ["min = 1.1\nmax = 2.5"]),
    (
        [("ratio.chars", "", {"min": 1.1}), ("ratio.chars", "jav_Latn", {"max": None})],
        ["jav_Latn = { max = inf }"],
    ),
    ([("laser.cosine", "", {"min": None})], ['"rule.low_similarity/laser.cosine.min"']),
    ([("new copy.overlap", "", {"max": 0.5})], ['reason = "copy_overlap"']),
    ([("new lid.tgt_prob", "jav_Latn", {"min": 0.1})], ["[rule.languages]"]),
    ([("laser.cosine", "", {"min": 0.31})], []),  # as in the recipe: nothing is written
]


@pytest.mark.parametrize(("limits", "lines"), CASES)
def test_the_patch_is_the_moved_recipe(limits, lines, tmp_path):
    rules = read_recipe("quickstart")[0].rule
    number = {rule.score: index for index, rule in enumerate(rules)}
    moved = [
        MovedLimit(rule=number.get(name, -1), score=name.split()[-1], lang=lang, **sides)
        for name, lang, sides in limits
    ]
    after = move(rules, moved, LANGUAGES)
    text = patch(rules, after, "quickstart", ["a note\nname = 'evil'"])
    for line in lines:
        assert line in text
    assert ("rule" in text) == bool(lines)
    path = tmp_path / "patch.toml"
    path.write_text(text, encoding="utf-8")
    recipe = read_recipe(str(path))[0]
    assert recipe.name == "quickstart"
    bound = [[bind_rule(r, "rules") for r in rules if r] for rules in (recipe.rule, after)]
    assert bound[0] == bound[1]


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("quickstart", {}, "quickstart"),
        ("quickstart", {"seed": 9}, "{out}/recipe.toml"),
        ("mine", {}, "{out}/recipe.toml"),
        ("mine", {"tokenizer": {"path": "models/bpe"}}, ""),  # from the folder of another recipe
    ],
)
def test_what_a_patch_extends(name, change, expected, tmp_path):
    recipe = read_recipe("quickstart")[0].model_dump(mode="json") | change
    assert base_recipe(tmp_path, name, recipe) == expected.format(out=tmp_path)


def test_limits_of_sources_stay_when_the_general_one_goes():
    rule = RuleTable(reason="r", score="a.x", max=9, sources={"opus-*": {"max": 4}})
    [moved] = move([rule], [MovedLimit(rule=0, score="a.x", max=None)], LANGUAGES)
    assert moved is not None
    assert (moved.max, moved.sources["opus-*"].max) == (None, 4)
    assert (
        patch([rule], [moved], "base") == 'extends = "base"\nremove = [\n    "rule.r/a.x.max",\n]\n'
    )
