"""Code and recipe lines in the documentation work."""

import re
import tomllib

import polars as pl
import pytest

from sealdata.component import available, component_class
from sealdata.pairs import make_pairs
from sealdata.readers import Source
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import Recipe
from sealtrain.config import load
from tests.docs.style import ROOT

DOCS = ROOT / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(DOCS)}-{number}")
    for page in sorted(DOCS.rglob("*.md"))
    if page.parent.name != "reference"
    for number, block in enumerate(
        re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL), start=1
    )
]
COLUMNS = {
    f"{name}.{column}"
    for name in available("scorers")
    for cls in [component_class("scorers", name)]
    for column in {**cls.columns, **cls.corpus_columns}
}
BASE = {
    "name": "base",
    "source": [
        {"name": "a", "reader": "tsv", "path": "a.tsv", "src_lang": "en", "tgt_lang": "jav_Latn"}
    ],
    "tokenizer": {"path": "tokenizer.json"},
}


def component(page: str):
    """The component that a page shows."""
    [code] = [
        block
        for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)
        if "COMPONENT" in block
    ]
    module: dict[str, object] = {}
    exec(code, module)
    return module["COMPONENT"]


def test_the_scorer_of_the_guide_scores():
    scores = component("how-to/add-a-scorer.md")().score(
        make_pairs([("Why?", "为什么？"), ("Why?", "Ja.")])
    )
    assert scores.to_dict(as_series=False) == {"differ": [0, 1]}
    assert scores.schema == {"differ": pl.Int8}


def test_the_reader_of_the_guide_reads(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("Good morning.::Selamat pagi.\nno mark\nYes.::Ya.\n", "utf-8")
    source = Source("pairs", path, "eng_Latn", "ind_Latn")
    batches = list(component("how-to/add-a-reader.md")().batches(source, 2))
    assert [batch.good["tgt"].to_list() for batch in batches] == [["Selamat pagi."], ["Ya."]]
    assert [batch.good["row"].to_list() for batch in batches] == [[0], [2]]
    assert [batch.rejected["row"].to_list() for batch in batches] == [[1], []]


@pytest.mark.parametrize("block", BLOCKS)
def test_recipe_lines_are_valid(block, tmp_path):
    table = tomllib.loads(block)
    path = tmp_path / "file.toml"
    path.write_text(block, "utf-8")
    if "shards" in table:
        assert load(str(path)).out.name in block
        return
    if "extends" in table:
        assert read_recipe(str(path))[0].name == table["name"]
        return
    if "questions" in table.get("score", ()) or "plugins" in table:  # the scorers of guides
        return
    recipe = Recipe.model_validate(BASE | table)
    columns = [rule.score for rule in recipe.rule] + [recipe.caps.score]
    own = {
        f"{name}.{column}"
        for name, options in recipe.score.items()
        if "scorer" in options
        for column in component_class("scorers", options["scorer"]).columns
    }
    assert {column for column in columns if column} <= COLUMNS | own


def test_a_wrong_key_is_found():
    with pytest.raises(ValueError, match="extra_forbidden"):
        Recipe.model_validate(BASE | tomllib.loads("[caps]\nmax_per_source = 1"))
