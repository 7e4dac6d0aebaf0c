"""What the sanity check makes of languages, and when a name may be allowed."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.errors import ConfigError
from sealdata.fetch.models.store import find_model
from sealdata.files.places import sample_dir
from sealdata.lid.labels import labels_of
from sealdata.lid.language_checker import LanguageChecker
from sealdata.lid.model import open_model
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.readers._sampling import Sample
from sealdata.recipe.tables import Recipe
from sealdata.sanity.chinese import kind_of, other_characters
from sealdata.sanity.declared_language import (
    Detected,
    detect,
    judge,
    unjudged_languages,
    wrong_languages,
)
from sealdata.sanity.findings import (
    FINDINGS,
    NEVER_ALLOWED,
    check_allowed,
    error,
    note,
    warning,
    with_allowed,
)
from sealdata.sanity.samples import spread
from sealdata.sanity.text_quality import doubtful_text


@pytest.fixture(scope="module")
def checker() -> LanguageChecker:
    model = open_model(find_model("lid176-ftz"))
    return LanguageChecker(labels_of(model.labels), model.likeliest, 20)


def texts(lang: str) -> pl.Series:
    return pl.Series((sample_dir() / "text" / f"{lang}.txt").read_text("utf-8").splitlines())


LANGUAGES = (
    *("eng_Latn", "ind_Latn", "jav_Latn", "khm_Khmr", "lao_Laoo", "mya_Mymr", "sun_Latn"),
    *("tam_Taml", "tgl_Latn", "tha_Thai", "vie_Latn", "zho_Hans", "zsm_Latn"),
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_text_in_its_language_is_left_alone(checker, lang):
    found = detect(checker, texts(lang), lang)
    assert found is not None
    assert judge(found, lang) is None


RELATED = {("jav_Latn", "ind_Latn"), ("sun_Latn", "ind_Latn")}  # (declared, text): a warning
ALIKE = {"ind_Latn", "zsm_Latn", "jav_Latn", "sun_Latn"}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("text", LANGUAGES)
def test_text_in_another_language_is_an_error(checker, lang, text):
    if lang == text:
        return
    found = detect(checker, texts(text), lang)
    assert found is not None
    told = judge(found, lang)
    if (lang, text) in RELATED:
        assert told is not None
        assert told[0] == "warning"
    elif {lang, text} <= ALIKE:
        assert told is None  # lid.176 cannot tell these short sentences apart
    else:
        assert told is not None, found
        assert told[0] == "error", told


def detected(**changes: object) -> Detected:
    usual = {
        "declared": 0.9,
        "exactly": 0.9,
        "likeliest": "tha_Thai",
        "share": 0.9,
        "set_share": 0.9,
        "second": "mya_Mymr",
        "second_share": 0.1,
        "in_script": 1.0,
        "has_label": True,
        "num_texts": 500,
    }
    return Detected(**(usual | changes))


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (detected(), None),
        (detected(in_script=0.24), "error"),
        (detected(in_script=0.25), None),
        (detected(in_script=0.24, has_label=False), "error"),
        (detected(declared=0.0, has_label=False, likeliest="ind_Latn"), None),
        (detected(declared=0.24, likeliest="ind_Latn", share=0.3, set_share=0.5), "error"),
        (detected(declared=0.24, likeliest="ind_Latn", set_share=0.49), "warning"),
        (detected(declared=0.25, likeliest="ind_Latn"), "warning"),
        (detected(declared=0.49), "warning"),
        (detected(declared=0.5), None),
        (detected(second_share=0.19), None),
        (detected(second_share=0.2), "warning"),
    ],
)
def test_levels(found, level):
    told = judge(found, "tha_Thai")
    assert (told and told[0]) == level


@pytest.mark.parametrize(
    ("exactly", "share", "level"),
    [(0.05, 0.75, "warning"), (0.06, 0.75, None), (0.05, 0.74, None)],
)
def test_a_relative_is_a_warning(exactly, share, level):
    told = judge(detected(exactly=exactly, share=share, likeliest="ind_Latn"), "jav_Latn")
    assert (told and told[0]) == level


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("们", "simplified"), ("們", "traditional"), ("国", "simplified"), ("國", "traditional"),
        ("人", ""), ("。", ""), ("a", ""), ("カ", ""), ("ก", ""), ("𠀀", ""),
    ],
)  # fmt: skip
def test_kinds_of_chinese_characters(character, kind):
    assert kind_of(character) == kind


TRADITIONAL = "我們國家的學校開設了許多課程，讓學習語言的學生們能夠說話與寫作。"  # 17 that tell it
SIMPLIFIED = "我们国家的学校开设了许多课程，让学习语言的学生们能够说话与写作。"


@pytest.mark.parametrize(
    ("texts", "lang", "said"),
    [
        ([TRADITIONAL] * 9, "zho_Hans", "100% of its characters"),
        ([SIMPLIFIED] * 9, "zho_Hant", "100% of its characters"),
        ([SIMPLIFIED] * 9, "yue_Hant", "are simplified"),
        ([SIMPLIFIED] * 9, "zho_Hans", ""),
        ([TRADITIONAL] * 9, "zho_Hant", ""),
        ([TRADITIONAL] * 9, "jav_Latn", ""),
        ([TRADITIONAL], "zho_Hans", ""),  # too few
        ([TRADITIONAL] * 5 + [SIMPLIFIED] * 5, "zho_Hans", ""),  # a mixture
        ([None, "", "abc"], "zho_Hans", ""),
    ],
)
def test_the_other_kind_of_chinese(texts, lang, said):
    message = other_characters(pl.Series(texts, dtype=pl.String), lang)
    assert said in message
    assert bool(message) == bool(said)


def test_texts_that_differ_in_numbers_only_are_one(checker):
    assert detect(checker, pl.Series([f"Nomor {n} ada." for n in range(99)]), "ind_Latn") is None


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "s.tsv").write_text("x", "utf-8")
    table = {"name": "s", "reader": "tsv", "path": "s.tsv", "src_lang": "en", "tgt_lang": "th"}
    stream = {"name": "e", "kind": "replay", "path": "e.txt"}
    content = {"name": "t", "source": [table], "stream": [stream], "tokenizer": {"path": "t"}}
    return Plan(Recipe.model_validate(content), tmp_path)


class Drawn:
    """Samples that a test makes."""

    def __init__(self, plan: Plan, good: pl.DataFrame) -> None:
        stream = "text" in good.columns
        self.table = plan.recipe.stream[0] if stream else plan.recipe.source[0]
        self.good = good

    def tables(self, plan: Plan):
        yield self.table, Sample(self.good, num_good=self.good.height)


def names(findings) -> list[tuple[str, str]]:
    return [(finding.name, finding.level) for finding in findings]


def pairs_of(src: list[str], tgt: list[str]) -> pl.DataFrame:
    return make_pairs(list(zip(src, tgt, strict=True)), tgt_lang="tha_Thai")


ENGLISH_TEXTS, THAI_TEXTS = texts("eng_Latn").to_list(), texts("tha_Thai").to_list()
HALF_HTML = [f"<p>{t}</p>" for t in ENGLISH_TEXTS[:90]] + ENGLISH_TEXTS[90:]
SUMS = ["1 + 1 = 2"] * 90 + THAI_TEXTS[90:]


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        (ENGLISH_TEXTS, THAI_TEXTS, []),
        (ENGLISH_TEXTS, sorted(THAI_TEXTS), [("misaligned", "error")]),
        (ENGLISH_TEXTS[:99], sorted(THAI_TEXTS)[:99], []),  # too few
        (ENGLISH_TEXTS, SUMS, [("not-text", "warning"), ("misaligned", "error")]),
        (ENGLISH_TEXTS, THAI_TEXTS[:1] * 163, [("repeated", "warning")]),
        (ENGLISH_TEXTS[:1] * 163, THAI_TEXTS[:1] * 163, [("repeated", "warning")]),
    ],
)
def test_sides_that_are_no_translations(plan, src, tgt, expected):
    assert names(doubtful_text(plan, Drawn(plan, pairs_of(src, tgt)))) == expected


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        (ENGLISH_TEXTS, []),
        (THAI_TEXTS, []),  # without white space
        ([f'{{"text": "{t}"}}' for t in ENGLISH_TEXTS], [("not-text", "error")]),
        ([f"<p>{t}</p>" for t in ENGLISH_TEXTS], [("not-text", "error")]),
        (HALF_HTML, [("not-text", "warning")]),
        ([f"{t} where a < b and b > c" for t in ENGLISH_TEXTS], []),
        ([f"pkg-{n}" for n in range(99)], [("not-text", "error")]),
        ([f"{n} {n}" for n in range(99)], [("not-text", "error")]),
        (ENGLISH_TEXTS[:30] * 3, [("repeated", "warning")]),
        (["pkg-1"] * 19, []),  # too few
    ],
)  # fmt: skip
def test_documents_that_are_not_sentences(plan, documents, expected):
    frame = pl.DataFrame({"text": documents})
    assert names(doubtful_text(plan, Drawn(plan, frame))) == expected


def test_what_can_be_allowed():
    check_allowed(set(FINDINGS) - set(NEVER_ALLOWED))
    for name in (*NEVER_ALLOWED, "wrong_language"):
        with pytest.raises(ConfigError, match=f"--allow {name}"):
            check_allowed([name])
    found = [error("wrong-language", "a", "b"), error("unreadable", "c", "d")]
    found += [warning("repeated", "e", "f"), note("head-only", "g", "h")]
    allowed = with_allowed(found, ["unreadable", "repeated"])
    assert [(finding.name, finding.level, finding.allowed) for finding in allowed] == [
        ("wrong-language", "error", False),
        ("unreadable", "warning", True),
        ("repeated", "warning", True),
        ("head-only", "note", False),
    ]


@pytest.mark.parametrize("height", [0, 1, 9, 10, 11, 19, 20, 21, 99, 1000])
def test_a_spread_reaches_from_the_first_row_to_nearly_the_last(height):
    rows = spread(pl.Series(range(height)), 10).to_list()
    assert len(rows) <= 10
    assert len(rows) >= min(height, 6), "more than half of what there is room for"
    assert rows[:1] == list(range(height))[:1]
    assert not rows or height - rows[-1] <= -(-height // 10)


def test_what_is_wrong_at_the_end_of_a_source_is_found(plan):
    """Of 900 pairs, more than are identified and less than twice as many, the last are swapped."""
    english, thai = (ENGLISH_TEXTS * 6)[:900], (THAI_TEXTS * 6)[:900]
    texts = [(f"{e} {n}", f"{t} {n}") for n, (e, t) in enumerate(zip(english, thai, strict=True))]
    swapped = [*texts[:600], *((thai, english) for english, thai in texts[600:])]
    frame = make_pairs(swapped, tgt_lang="tha_Thai")
    assert ("swapped-languages", "error") in names(wrong_languages(plan, Drawn(plan, frame)))
    good = make_pairs(texts, tgt_lang="tha_Thai")
    assert names(wrong_languages(plan, Drawn(plan, good))) == []


@pytest.mark.parametrize(
    ("lang", "scorers", "said"),
    [("th", {}, None), ("ace", {}, "no label for Acehnese"), ("ace", {"lid": {}}, None)],
)
def test_a_language_that_cannot_be_told_is_named_once(tmp_path, lang, scorers, said):
    table = {"name": "s", "reader": "tsv", "path": "s.tsv", "src_lang": "en", "tgt_lang": lang}
    content = {"name": "t", "source": [table], "score": scorers, "tokenizer": {"path": "t"}}
    found = list(unjudged_languages(Plan(Recipe.model_validate(content), tmp_path)))
    assert [finding.name for finding in found] == (["unjudged-language"] if said else [])
    assert all(said in finding.message for finding in found)
