"""What the sliders announce is what a build with the page's recipe lines keeps."""

import re
import tomllib
from pathlib import Path
from typing import Any

from sealdata.dataset.build import build
from sealdata.files.places import sample_dir
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

from .conftest import move

RECIPE = """
name = "lines"
[[source]]
name = "one"
reader = "tsv"
path = "ind_Latn.tsv"
options = { layout = "pairs" }
src_lang = "eng_Latn"
tgt_lang = "ind_Latn"
[[source]]
name = "two"
reader = "tsv"
path = "tha_Thai.tsv"
options = { layout = "pairs" }
src_lang = "eng_Latn"
tgt_lang = "tha_Thai"
[[source]]
name = "three"
reader = "tsv"
path = "more.tsv"
options = { layout = "pairs" }
src_lang = "eng_Latn"
tgt_lang = "ind_Latn"
[score.length]
[score.ratio]
[score.copy]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 20
languages = { tha_Thai = { min = 24 } }
[[rule]]
reason = "length_ratio"
score = "ratio.chars"
max = 3
sources = { "th*" = { max = 1.3 } }
[[rule]]
reason = "copy"
score = "copy.overlap"
max = 0.7
[tokenizer]
path = "sample:tokenizers/bpe"
[pack]
sequence_length = 256
block_length = 16384
"""


def corpus(folder: Path) -> None:
    """600 pairs of each source, none twice, their lengths and ratios spread."""
    texts = {
        lang: (sample_dir() / "text" / f"{lang}.txt").read_text("utf-8").splitlines()
        for lang in ("eng_Latn", "ind_Latn", "tha_Thai")
    }
    for name, lang, start in (
        ("ind_Latn", "ind_Latn", 0), ("tha_Thai", "tha_Thai", 0), ("more", "ind_Latn", 600)
    ):  # fmt: skip
        lines = [
            f"{texts['eng_Latn'][i % 163]} {i}\t{texts[lang][i % 163][: 30 + i % 90]} {i}"
            for i in range(start, start + 600)
        ]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def kept(folder: Path, recipe: dict[str, Any], out: Path) -> int:
    with LocalEngine(1) as engine:
        made = build(
            Plan(Recipe.model_validate(recipe), folder), out, engine, NoProgress()
        ).manifest
    return sum(row.kept for row in made.funnel)


def test_recipe_lines_give_what_was_announced(browser: Any, tmp_path: Path) -> None:
    corpus(tmp_path)
    recipe = tomllib.loads(RECIPE)
    before = kept(tmp_path, recipe, tmp_path / "out")
    page = browser.new_page()
    page.goto((tmp_path / "out" / "report" / "index.html").as_uri())

    def slide(score: str, side: str, lang: str, stop: int | None) -> None:
        figure = f'figure[data-lang="{lang}"][data-score="{score}"]'
        control = page.locator(f'{figure} input[data-side="{side}"]')
        move(control, int(control.get_attribute("max")) if stop is None else stop)

    def outcome() -> tuple[int, list[dict[str, Any]]]:
        text = page.locator("#outcome-pairs").text_content()
        assert "±" not in text  # all rows are embedded
        lines = page.locator("#recipe-text").input_value()
        actual = re.match(r"[\d,]+", text)
        assert actual
        return int(actual[0].replace(",", "")), tomllib.loads(lines).get("rule", [])

    edges = {
        name: page.evaluate(f"scores.get({name!r}).edges")
        for name in ("length.src_chars", "ratio.chars")
    }
    long = next(i for i, edge in enumerate(edges["length.src_chars"]) if edge >= 55)
    far = next(i for i, edge in enumerate(edges["ratio.chars"]) if edge >= 1.6)
    slide("length.src_chars", "min", "ind_Latn", long + 1)
    slide("ratio.chars", "max", "ind_Latn", far)
    slide("ratio.chars", "max", "tha_Thai", None)  # off
    announced, rules = outcome()
    assert [(rule["reason"], rule.get("languages")) for rule in rules] == [
        ("too_short", {"tha_Thai": {"min": 24}}),
        ("length_ratio", {"tha_Thai": {"off": True}}),
    ]
    # No slider moves the limit that a source has of its own.
    assert rules[1]["sources"] == {"three": {"max": 1.3}}
    names = {(rule["reason"], rule["score"]): rule for rule in rules}
    changed = recipe | {
        "rule": [names.get((rule["reason"], rule["score"]), rule) for rule in recipe["rule"]]
    }
    assert before > announced == kept(tmp_path, changed, tmp_path / "out")

    slide("ratio.chars", "max", "ind_Latn", None)
    _, rules = outcome()
    assert [rule["reason"] for rule in rules] == ["too_short"]
    assert "take it out" in page.locator("#recipe-text").input_value()
