"""The report of many languages stays short, that of one language wide, and both print."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest
from sealdata.report.facts import audit_facts
from sealdata.report.html import write_report
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.report.schema import AuditFacts

from .conftest import TEXTS, make_build

pytestmark = pytest.mark.slow

MAX_HEIGHT = 12_000  # pixels at a width of 1280, where 31,832 were too many to read
LANGS = [
    *("jav_Latn", "sun_Latn", "zsm_Latn", "tgl_Latn", "mya_Mymr", "lao_Laoo"),
    *("tam_Taml", "khm_Khmr", "ind_Latn", "vie_Latn", "zho_Hans", "tha_Thai"),
]


def _enriched(out: Path, lang: str) -> None:
    """Gives the pairs addresses, and ten languages that they are taken for."""
    labels = [lang, *(other for other in LANGS if other != lang)][:10]
    for file in kept_files(out, lang) + dropped_files(out, lang):
        rows = pl.read_parquet(file)
        hosts = [f"https://www.host-{i % 12}.example{i % 11}.com/a" for i in range(rows.height)]
        names = [labels[i % 10] for i in range(rows.height)]
        rows.with_columns(
            pl.Series("tgt_url", hosts, pl.String),
            pl.Series("lid.src_top", names, pl.String),
            pl.Series("lid.tgt_top", names, pl.String),
        ).write_parquet(file)


def _as_large_as_real(facts: AuditFacts) -> AuditFacts:
    """As many scores, reasons and streams as the recipe of the quickstart has."""
    ruled = {rule.score for rule in facts.rules}
    scores = [score for score in facts.scores if score.name in ruled]
    copies = [
        score.model_copy(update={"name": f"{score.name}{n}"}) for n in range(4) for score in scores
    ]
    rules = [
        rule.model_copy(update={"score": f"{rule.score}{n}"})
        for n in range(4)
        for rule in facts.rules
    ]
    reasons = [
        reason.model_copy(update={"reason": f"{reason.reason}_{n}"})
        for n in range(6)
        for reason in facts.reasons
    ]
    streams = [stream for stream in facts.build.streams for _ in range(5)]
    build = facts.build.model_copy(update={"streams": streams})
    return facts.model_copy(
        update={
            "scores": copies,
            "rules": rules,
            "reasons": reasons,
            "build": build,
            "similarity": [
                fact.model_copy(update={"score": copy.name})
                for fact in facts.similarity
                for copy in copies
                if copy.name.startswith(fact.score)
            ][: len(LANGS)],
        }
    )


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a made-up build of twelve languages."""
    out = tmp_path_factory.mktemp("twelve")
    texts = list(TEXTS.values())
    manifest = make_build(out, {lang: texts[i % 3] for i, lang in enumerate(LANGS)}, 70)
    for lang in LANGS:
        _enriched(out, lang)
    page = out / "report" / "index.html"
    write_report(_as_large_as_real(audit_facts(out, manifest)), page, out)
    return page


@pytest.fixture(params=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, browser: Any, twelve: Path) -> Iterator[Any]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, java_script_enabled=request.param == "scripts"
    )
    page = context.new_page()
    page.goto(twelve.as_uri())
    yield page
    context.close()


def test_twelve_languages_fit(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollHeight") <= MAX_HEIGHT
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_what_is_folded_can_be_opened(page: Any) -> None:
    """By a click on its summary, with scripts and without."""
    folded = page.locator('details.score[data-score="laser.cosine3"]')
    histogram = folded.locator("svg.histogram").first
    # One score is open: of equal ones the first.
    assert page.locator("details.score[open]").count() == 1
    assert histogram.is_hidden()
    folded.locator("summary").click()
    assert histogram.is_visible()


def test_search_opens_what_matches(browser: Any, twelve: Path) -> None:
    page = browser.new_page()
    page.goto(twelve.as_uri())
    last = page.locator(".rest-of-samples").last
    sample = last.locator(".sample p").first
    assert sample.is_hidden()
    page.locator("#search").fill(sample.text_content().strip())
    assert sample.is_visible()
    page.locator("#open-scores").click()
    closed = "#explorer > .folds > details.score:not([open])"
    assert page.locator(closed).count() == 0
    page.close()


def _num_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


@pytest.mark.parametrize("scripts", [True, False])
def test_paper_has_the_folded_figures(
    build: tuple[Path, BuildManifest], browser: Any, scripts: bool
) -> None:
    """A PDF has the histograms of all rules, also without scripts; the page stays as it was."""
    file = build[0] / "index.html"
    write_report(audit_facts(*build), file, build[0])
    page = browser.new_page(java_script_enabled=scripts)
    page.goto(file.as_uri())
    was_open = page.locator("details[open]").count()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert page.locator("details[open]").count() == was_open
    page.emulate_media(media="print")
    folded = "details.score[data-print]:not([open]) svg.histogram"
    assert page.locator(folded).count() > 3
    for mark in page.locator(folded).all():
        assert mark.evaluate("mark => mark.checkVisibility()")
    # What is folded takes some pages: a style or a script that is lost would leave them out.
    page.evaluate("document.querySelectorAll('[data-print]').forEach(x => x.remove())")
    assert _num_pages(pdf) >= _num_pages(page.pdf(prefer_css_page_size=True)) + 2
    page.close()


def test_histograms_of_one_language_use_the_width(browser: Any, tmp_path: Path) -> None:
    manifest = make_build(tmp_path, {"tha_Thai": TEXTS["tha_Thai"]}, 30)
    file = tmp_path / "index.html"
    write_report(audit_facts(tmp_path, manifest), file, tmp_path)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    boxes = [mark.bounding_box() for mark in page.locator("svg.histogram:visible").all()]
    # All scores with a limit for the language are open.
    assert len(boxes) == 3
    for box in boxes:
        assert box["width"] == 1280 - 2 * 24
        assert 150 < box["height"] < 250
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.close()
