"""A recipe patch says what the page showed: read back, it has the rules of the moved limits."""

import pytest

from sealdata.browse.limits import base_recipe, move, patch
from sealdata.browse.request import MovedLimit
from sealdata.recipe.reading import read_recipe
from sealdata.report.bound_rules import bind

LANGUAGES = ["ind_Latn", "jav_Latn", "lao_Laoo"]
CASES = [
    # rule, score, language, sides, lines of the patch
    ([(15, "laser.cosine", "", {"min": 0.4})], ["min = 0.4"]),
    ([(15, "laser.cosine", "ind_Latn", {"min": 0.5})], ["ind_Latn = { min = 0.5 }"]),
    ([(15, "laser.cosine", "lao_Laoo", {"min": 0.2})], ["lao_Laoo = { min = 0.2, off = false }"]),
    ([(15, "laser.cosine", "ind_Latn", {"min": None})], ["ind_Latn = { off = true }"]),
    (
        [(9, "ratio.chars", "", {"max": None})],
        ['remove = [\n    "rule.length_ratio/ratio.chars",\n]'],
    ),
    ([(9, "ratio.chars", "", {"max": 2.5, "min": 1.1})], ["min = 1.1\nmax = 2.5"]),
    (
        [(9, "ratio.chars", "", {"min": 1.1}), (9, "ratio.chars", "jav_Latn", {"max": None})],
        ["jav_Latn = { max = inf }"],
    ),
    ([(15, "laser.cosine", "", {"min": None})], ['"rule.low_similarity/laser.cosine.min"']),
    ([(-1, "copy.overlap", "", {"max": 0.5})], ['reason = "copy_overlap"']),
    ([(-1, "lid.tgt_prob", "jav_Latn", {"min": 0.1})], ["[rule.languages]"]),
    ([(15, "laser.cosine", "", {"min": 0.31})], []),  # as in the recipe: nothing is written
]


@pytest.mark.parametrize(("limits", "lines"), CASES)
def test_the_patch_is_the_moved_recipe(limits, lines, tmp_path):
    rules = read_recipe("quickstart")[0].rule
    moved = [
        MovedLimit(rule=n, score=score, lang=lang, **sides) for n, score, lang, sides in limits
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
    assert bind(recipe.rule) == bind([rule for rule in after if rule])


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
