"""The audit page in a real Chromium: sliders equal a recount, hostile text is inert."""

import io
import json
import re
import tomllib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import ledger_rows
from sealdata.report.bound_rules import bind, manifest_rules
from sealdata.report.explorer import embed
from sealdata.report.facts import audit_facts, token_estimates
from sealdata.report.figures import legend
from sealdata.report.html import render_report, write_report
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.report.schema import AuditFacts

from .conftest import EVIL, move

pytestmark = pytest.mark.slow


@pytest.fixture
def ledger(build: tuple[Path, BuildManifest]) -> pl.DataFrame:
    """Every row of the Thai pairs and drops."""
    files = [*kept_files(build[0], "tha_Thai"), *dropped_files(build[0], "tha_Thai")]
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal")


@pytest.fixture
def page(build: tuple[Path, BuildManifest], browser: Any) -> Iterator[Any]:
    path = build[0] / "report" / "index.html"
    write_report(audit_facts(*build), path, build[0])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.goto(path.as_uri())
    yield page
    assert problems == []
    page.close()


def slider(page: Any, score: str, side: str, lang: str = "tha_Thai") -> Any:
    figure = f'figure[data-lang="{lang}"][data-score="{score}"]'
    return page.locator(f'{figure} input[data-side="{side}"]')


def readout(page: Any, score: str, line: int) -> int:
    """The first number of a line: pairs by this score only (0), or by all rules (1)."""
    figure = page.locator(f'figure[data-lang="tha_Thai"][data-score="{score}"]')
    text = figure.locator(".readout > span").nth(line).text_content()
    actual = re.search(r"[\d,]+", text)
    assert actual, text
    return int(actual[0].replace(",", ""))


def edges(page: Any, score: str) -> list[float]:
    actual: list[float] = page.evaluate(f"scores.get({score!r}).edges")
    return actual


def test_a_slider_equals_a_recount_at_every_stop(page: Any, ledger: pl.DataFrame) -> None:
    control = slider(page, "laser.cosine", "min")
    passes_rest = ledger.filter(
        pl.col("stage").is_null()
        | (pl.col("reasons") == pl.lit(["low_similarity"], pl.List(pl.String)))
    )
    for stop, edge in enumerate(edges(page, "laser.cosine"), start=1):
        move(control, stop)
        limit = pl.lit(edge, pl.Float32)
        alone = ledger.filter(pl.col("laser.cosine") >= limit).height
        assert readout(page, "laser.cosine", 0) == alone
        assert (
            readout(page, "laser.cosine", 1)
            == passes_rest.filter(pl.col("laser.cosine") >= limit).height
        )


def test_several_sliders_answer_from_the_rows_embedded(page: Any, ledger: pl.DataFrame) -> None:
    kept = ledger.filter(pl.col("stage").is_null())
    cosine, probability = edges(page, "laser.cosine"), edges(page, "lid.tgt_prob")
    position, other = len(cosine) - 12, len(probability) - 5
    move(slider(page, "laser.cosine", "min"), position + 1)
    move(slider(page, "lid.tgt_prob", "min"), other + 1)
    expected = kept.filter(
        (pl.col("laser.cosine") >= pl.lit(cosine[position], pl.Float32))
        & (pl.col("lid.tgt_prob") >= pl.lit(probability[other], pl.Float32))
    ).height
    lost = kept.height - expected
    assert lost
    total = page.evaluate("Object.values(data.kept).reduce((sum, kept) => sum + kept)")
    text = page.locator("#outcome-pairs").text_content()
    assert (
        text == f"{total - lost} pairs would be kept (−{lost})"
    )  # all rows are embedded: no error
    assert "71 rows in this page" in page.locator("#outcome-basis").text_content()


def test_recipe_lines_can_be_pasted(page: Any) -> None:
    from sealdata.recipe.tables import RuleTable

    position = edges(page, "ratio.chars").index(2.5) + 2
    move(slider(page, "ratio.chars", "max", "jav_Latn"), position)
    page.locator("#recipe-toggle").click()
    [rule] = tomllib.loads(page.locator("#recipe-text").input_value())["rule"]
    table = RuleTable.model_validate(rule)
    assert (table.reason, table.score) == ("length_ratio", "ratio.chars")
    languages = {lang: table.languages.get(lang) for lang in ("jav_Latn", "mya_Mymr", "tha_Thai")}
    actual = {
        lang: lang_row.max if lang_row and lang_row.max is not None else table.max
        for lang, lang_row in languages.items()
    }
    assert actual["jav_Latn"] == edges(page, "ratio.chars")[position]
    assert actual["mya_Mymr"] == 3.5
    assert languages["tha_Thai"] is not None
    assert languages["tha_Thai"].off


def test_the_keyboard_moves_a_slider_and_reset_puts_it_back(page: Any) -> None:
    score = page.locator('details[data-score="laser.cosine"]')
    if score.get_attribute("open") is None:
        score.locator("summary").click()
    control = slider(page, "laser.cosine", "min")
    before = control.input_value()
    control.focus()
    page.keyboard.press("ArrowRight")
    assert int(control.input_value()) == int(before) + 1
    assert control.get_attribute("aria-valuetext").startswith("≥ ")
    assert page.locator("#outcome").is_visible()
    page.locator("#reset").focus()
    page.keyboard.press("Enter")
    assert control.input_value() == before
    assert page.locator("#outcome").is_hidden()


def test_search_language_and_sorting(page: Any) -> None:
    page.locator("#search").fill("alert(1)")
    assert "match" in page.locator("#found").text_content()
    page.locator("#search").fill("")
    page.locator("#language").select_option("mya_Mymr")
    assert page.locator('figure[data-lang="tha_Thai"]').first.is_hidden()
    page.locator("#language").select_option("")
    head = page.locator("#funnel ~ .wide thead button").nth(1)
    head.click()
    assert head.locator("..").get_attribute("aria-sort") == "descending"


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_overflows(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_moved_limits_stand_where_drawn_ones_do(page: Any) -> None:
    """The script and the drawing share one scale, also where bars widen up to a far limit."""
    lines = page.evaluate(
        """() => all("figure[data-score]").flatMap((figure) => {
          const score = scores.get(figure.dataset.score);
          const svg = figure.querySelector("svg");
          return [...svg.querySelectorAll("text.limit")].map((mark) =>
            [Number(mark.getAttribute("x")), place(svg, score, Number(mark.textContent))]);
        })"""
    )
    assert len(lines) > 3
    assert [drawn for drawn, _ in lines] == pytest.approx([moved for _, moved in lines], abs=0.06)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Any, scheme: str) -> None:
    """axe-core by the rules of WCAG 2.2 AA: contrast of text, names of controls, and links that
    differ by more than colour."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        actual = axe.run(page, options=rules).response["violations"]
        assert [(rule["id"], node["target"]) for rule in actual for node in rule["nodes"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parts_of_charts_are_told_by_more_than_colour(page: Any, scheme: str) -> None:
    """Drawn in grey, any two keys differ by a tenth of the scale on a twelfth of their area."""
    image = pytest.importorskip("PIL.Image")
    names = ["kept", *STAGE_NAMES, "lost"]
    page.emulate_media(color_scheme=scheme)
    vision = page.context.new_cdp_session(page)
    vision.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    style = "<style>.key { width: 48px !important; height: 24px !important }</style>"
    shown = style + str(legend(names))
    page.locator("main").evaluate("(main, html) => main.innerHTML = html", shown)
    drawn = {}
    for name, element in zip(names, page.locator("svg.key").all(), strict=True):
        with image.open(io.BytesIO(element.screenshot())) as shot:
            drawn[name] = np.asarray(shot.convert("L").crop((2, 2, 46, 22)), float)
    alike = [
        (item, other)
        for item, other in combinations(names, 2)
        if (abs(drawn[item] - drawn[other]) > 0.1 * 255).mean() < 1 / 12
    ]
    assert alike == []


def poisoned(facts: AuditFacts) -> AuditFacts:
    """Hostile text in every name that comes from a recipe, a corpus or a model, wherever it stands:
    reasons, sources, files, recipe, tokenizer, model, licence, cleaning step, references."""
    text = poisoned_text(facts.model_dump_json(), "eng_Latn-tha_Thai", "dev-set", "swapped")
    return AuditFacts.model_validate_json(text)


def poisoned_text(text: str, *more: str) -> str:
    """JSON of a made-up build with hostile text behind every name in it."""
    names = ("low_similarity", "tha-web", "tha_Thai.tsv.gz", "made-up", "Made up", "lid.176.ftz")
    for name in (*names, "CC0 1.0", '"html"', '"bpe"', *more):
        assert name in text
        evil = json.dumps(EVIL)[1:-1]
        text = text.replace(name, f'{name[:-1]}{evil}"' if name[-1] == '"' else name + evil)
    return text


def test_hostile_text_in_every_field_does_nothing(
    build: tuple[Path, BuildManifest], browser: Any
) -> None:
    out, manifest = build
    hosts = "https://evil.example<svg onload=alert(3)>/x"
    for file in kept_files(out, "tha_Thai"):
        heard = pl.lit("zz" + EVIL).alias("lid.tgt_top")
        rows = pl.read_parquet(file).with_columns(heard, tgt_url=pl.lit(hosts))
        rows.write_parquet(file)
    people = {
        "gold": {
            "references": "dev-set",
            "skipped": ["lid" + EVIL],
            "languages": [{"lang": "tha_Thai", "pairs": 3, "rejected": 1}],
            "defects": [
                {"lang": "tha_Thai", "kind": "swapped", "pairs": 3, "rejected": 1, "repaired": 1},
            ],
        },
        "labels": {EVIL: 3},
    }
    facts = audit_facts(out, manifest).model_copy(update=people)
    audit_rows = ledger_rows(out, manifest.languages)
    rows = embed(
        audit_rows, facts, bind(manifest_rules(manifest), manifest), token_estimates(manifest)
    )
    path = out / "evil.html"
    path.write_text(render_report(poisoned(facts), rows), "utf-8")

    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.goto(path.as_uri())
    page.locator("#search").fill("alert")
    page.locator("#language").select_option("tha_Thai")
    move(slider(page, "laser.cosine", "min"), 3)
    [rule] = tomllib.loads(page.locator("#recipe-text").input_value())["rule"]
    assert rule["reason"] == "low_similarity" + EVIL
    assert page.locator("img, [onerror], [onload]").count() == 0
    assert page.locator("script").count() == 2
    text = page.locator("main").text_content()
    assert text.count("<img src=x onerror=alert(2)>") > 60
    assert "evil.example<svg onload=alert(3)>" in text
    assert problems == []
    page.close()
