"""The audit page: safe with hostile text, self-contained, honest about what it shows."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sealcli.show import show_build
from sealdata.build_manifest import BuildManifest, LexiconRow
from sealdata.report import explorer
from sealdata.report.dataset_card import render_card
from sealdata.report.facts import audit_facts
from sealdata.report.figures import bars, funnel_bar, histogram
from sealdata.report.html import write_report
from sealdata.report.markup import changed, embedded, failing, number, percent, visible
from sealdata.report.schema import AuditFacts, Counts, Histogram, Limit, ScoreFacts

Build = tuple[Path, BuildManifest]


class _Elements(HTMLParser):
    """Every start tag with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "path", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(out: Path, facts: AuditFacts) -> str:
    path = out / "report" / "index.html"
    write_report(facts, path, out)
    return path.read_text("utf-8")


@pytest.fixture
def page(build: Build) -> str:
    return rendered(build[0], audit_facts(*build))


def test_hostile_text_is_only_text(page: str) -> None:
    elements = _Elements(re.sub(r"<path[^>]*/>", "", page))
    assert elements.open == []
    assert [tag for tag, _ in elements.tags].count("script") == 2  # facts, and our own
    assert "img" not in {tag for tag, _ in elements.tags}
    assert not any(name.startswith("on") for _, attrs in elements.tags for name in attrs)
    assert "</script><script>alert(1)</script><img src=x" in elements.text


def test_the_page_asks_for_nothing(page: str) -> None:
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page
    assert not re.search(r"@import|\burl\((?!#)|<link|src=\"", page)
    assert "default-src 'none'" in page


def test_size_and_determinism(build: Build) -> None:
    facts = audit_facts(*build)
    page = rendered(build[0], facts)
    assert page == rendered(build[0], facts)
    assert len(page.encode()) < 400_000


def test_embedded_rows_keep_to_their_bytes(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three languages and four scores: 7 bytes a row."""
    monkeypatch.setattr(explorer, "MAX_BYTES", 3 * 7 * 20)
    page = rendered(build[0], audit_facts(*build))
    text = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    rows = json.loads(text[1])["rows"]
    assert {lang: lang_row["rows"] for lang, lang_row in rows.items()} == dict.fromkeys(rows, 20)
    assert rows["tha_Thai"]["of"] == 71


def test_embedded_json_survives(page: str) -> None:
    text = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    data = json.loads(text[1])
    names = [score["name"] for score in data["scores"]]
    assert names == ["length.src_chars", "ratio.chars", "lid.tgt_prob", "laser.cosine"]
    assert data["rows"]["tha_Thai"]["rows"] == data["rows"]["tha_Thai"]["of"] == 71
    hostile = {"</script><!--": "\u2028 & ສະບາຍດີ"}
    assert not set("<>&\u2028") & set(embedded(hostile))
    assert json.loads(embedded(hostile)) == hostile


def test_notices(build: Build) -> None:
    out, manifest = build
    facts = audit_facts(out, manifest)
    page = rendered(out, facts)
    assert "Demonstration model." in page
    assert "PARTIAL" not in page
    real = [model.model_copy(update={"demonstration": False}) for model in manifest.models]
    other = manifest.model_copy(update={"models": real, "limit": 1000})
    page = rendered(out, facts.model_copy(update={"build": other}))
    assert "Demonstration model." not in page
    assert "<b>PARTIAL.</b> Only the first 1,000 records" in page


def test_pairs_that_no_lexicon_judged_are_named(build: Build, capsys) -> None:
    """On the page, on the card and in the terminal."""
    rows = [
        ("tha_Thai", 1200, True, 90, 100),
        ("mya_Mymr", 1300, True, 70, 70),
        ("jav_Latn", 30, False, 0, 30),
    ]
    names = ("lang", "pairs", "learnt", "scored", "of")
    lexicons = [LexiconRow(**dict(zip(names, row, strict=True))) for row in rows]
    thai = "Thai: a lexicon of 1,200 pairs scored 90 pairs"
    thai += "; 10 are not judged (few known words, or a small source)"
    burmese = "Burmese: a lexicon of 1,300 pairs scored 70 pairs"
    javanese = (
        "Javanese: no lexicon could be learnt from 30 pairs, so all 30 pairs have no lexicon scores"
    )
    assert [row.sentence for row in lexicons] == [thai, burmese, javanese]
    manifest = build[1].model_copy(update={"lexicons": lexicons})
    page = rendered(build[0], audit_facts(build[0], manifest))
    card = render_card(manifest)
    for sentence in (thai, burmese, javanese):
        assert sentence in page
        assert sentence in card
    assert f"<b>No lexicon.</b> {javanese}." in page
    show_build(manifest, build[0])
    said = [line for line in capsys.readouterr().out.split("\n") if line.startswith("lexicon")]
    assert said == [f"lexicon: {thai}", f"lexicon: {javanese}"]


def test_languages_are_marked(page: str) -> None:
    assert '<p lang="th">พี่สาวของฉันซื้อมะม่วง' in page
    assert '<p lang="my">' in page
    assert "laser.cosine 0.5786, must be ≥ 0.6" in page


def test_a_build_without_extras(build: Build) -> None:
    bare = build[1].model_copy(
        update={"models": [], "cleaning": [], "streams": [], "fertility": [], "recipe": {}}
    )
    page = rendered(build[0], audit_facts(build[0], bare))
    assert "<h1>made-up</h1>" in page
    assert 'href="#fertility"' not in page


def test_funnel_bar_is_to_scale(build: Build) -> None:
    bar = funnel_bar(build[1].funnel[:1])
    widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', bar)]
    assert sum(widths) == pytest.approx(100, abs=0.05)
    assert "kept: 34 of 71 (47.9%)" in bar


def test_histogram_draws_open_bins_and_limits() -> None:
    limit = Limit(rule=0, reason="r", min=0.5, max=None, missing_drops=False, outside=3)
    every = Counts(cells=[1, 0, 2, 4, 0, 0, 0], missing=5)
    kept = Counts(cells=[0, 0, 0, 4, 0, 0, 0], missing=0)
    counts = Histogram(
        every=every,
        kept=kept,
        others=kept,
        every_tokens=None,
        kept_tokens=None,
        others_tokens=None,
        unscored=0,
        limits=[limit],
    )
    score = ScoreFacts(
        name="a.b",
        meaning="",
        edges=[0, 0.5, 1],
        bars=[0, 0.5, 1],
        languages={"tha_Thai": counts},
    )
    finer = score.model_copy(update={"edges": [0, 0.3, 0.5, 1]})
    assert bars(finer, Counts(cells=[1, 2, 3, 4, 5, 6, 7, 8, 9], missing=0)) == [1, 14, 13, 17]
    drawn = histogram(score, "tha_Thai", "Thai")
    assert 'aria-label="a.b, Thai: 7 rows; 3 outside the limits of r"' in drawn
    assert "&lt; 0</text>" in drawn
    assert "≥ 1" not in drawn
    kept = re.search(r'class="kept" d="([^"]*)"', drawn)
    assert kept is not None
    assert kept[1].startswith("M427.67 92v-74h")  # third of three bins, full height


def test_histogram_marks_where_bars_widen() -> None:
    empty = Counts(cells=[0] * 13, missing=0)
    single = Counts(cells=[0, 0, 1, *[0] * 10], missing=0)
    counts = Histogram(
        every=single,
        kept=single,
        others=single,
        every_tokens=None,
        kept_tokens=None,
        others_tokens=None,
        unscored=0,
        limits=[],
    )
    edges = [0, 1, 2, 3, 5, 7]
    score = ScoreFacts(name="a.b", meaning="", edges=edges, bars=edges, languages={"x": counts})
    assert bars(score, empty) == [0] * 7
    drawn = histogram(score, "x", "X")
    # Five bins of 128 units: the third edge is at 384, where bins begin to hold two units.
    assert '<text x="384" y="105" text-anchor="end">3</text>' in drawn
    assert 'd="M384 92v5m3 0v-5"' in drawn
    # Four languages or more stand in one row, so that each has less room.
    four = score.model_copy(update={"languages": dict.fromkeys("wxyz", counts)})
    assert 'viewBox="0 0 260 108"' in histogram(four, "x", "X")
    assert 'd="M156 92v5m3 0v-5"' in histogram(four, "x", "X")
    even = score.model_copy(update={"edges": [0, 1, 2, 3, 4, 5], "bars": [0, 1, 2, 3, 4, 5]})
    assert "v5m3 0v-5" not in histogram(even, "x", "X")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 3, "33.3 %"),
        (0, 0, "–"),
        (0, 9, "0.0 %"),
        (9, 9, "100.0 %"),
        (1, 10**6, "< 0.1 %"),
        (10**6 - 1, 10**6, "> 99.9 %"),
    ],
)
def test_percent_never_rounds_to_nothing_or_all(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


def test_numbers_and_failings() -> None:
    assert (number(12345), number(0.123456), number(7)) == ("12,345", "0.1235", "7")
    limit = Limit(rule=0, reason="slow", min=1, max=4, missing_drops=False, outside=0)
    expected = {"slow": ("a.b", limit)}
    assert failing({"a.b": 5.0}, ["slow", "duplicate"], expected) == [
        ("slow", "a.b 5, must be 1 to 4"),
        ("duplicate", ""),
    ]
    assert failing({"a.b": None}, ["slow"], expected) == [("slow", "a.b is missing")]


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry", ("Tom &amp;<mark>amp;</mark> Jerry", "Tom &amp; Jerry")),
        ("a\u200bb", "ab", ('a<mark><b class="code">U+200B</b></mark>b', "ab")),
        ("ก\u0e49า", "กา", ("<mark>ก\u0e49</mark>า", "<mark>ก</mark>า")),
        ("same", "same", ("same", "same")),
        ("", "x", ("", "<mark>x</mark>")),
        ("aa", "a", ("a<mark>a</mark>", "a")),
    ],
)
def test_changes_are_marked(before: str, after: str, marked: tuple[str, str]) -> None:
    assert changed(before, after) == marked


def test_long_unchanged_text_is_left_out() -> None:
    before, after = changed("x" * 100 + "1" + "y" * 100, "x" * 100 + "2" + "y" * 100)
    assert before == f"…{'x' * 60}<mark>1</mark>{'y' * 60}…"
    assert after == f"…{'x' * 60}<mark>2</mark>{'y' * 60}…"


def test_invisible_characters_show() -> None:
    assert visible("<b>\u200e") == '&lt;b&gt;<b class="code">U+200E</b>'
