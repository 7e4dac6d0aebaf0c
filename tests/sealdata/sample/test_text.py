"""The hand-written sentences of the sample: script, numbers and names agree in every line."""

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import sealdata

from .for_all import for_all

SAMPLE = Path(sealdata.__file__).parent / "sample"
ENGLISH = "eng_Latn"
SCRIPTS = {  # language -> how the Unicode names of its letters and marks begin
    ENGLISH: "LATIN ",
    "ind_Latn": "LATIN ",
    "zsm_Latn": "LATIN ",
    "jav_Latn": "LATIN ",
    "sun_Latn": "LATIN ",
    "tgl_Latn": "LATIN ",
    "vie_Latn": "LATIN ",
    "tha_Thai": "THAI ",
    "lao_Laoo": "LAO ",
    "khm_Khmr": "KHMER ",
    "mya_Mymr": "MYANMAR ",
    "tam_Taml": "TAMIL ",
    "zho_Hans": "CJK UNIFIED IDEOGRAPH-",
}
LANGUAGES = list(SCRIPTS)
TRANSLATIONS = LANGUAGES[1:]
SETS = ("text", "eval")
NUMBER = re.compile(r"\d(?:[.,:]?\d)*")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
IN_WORDS = {("text", "zho_Hans", 1)}  # 48 million is 4,800 times 10,000 in Chinese: in words there
PULLI = "\N{TAMIL SIGN VIRAMA}"


def read(name: str, lang: str) -> list[str]:
    """The lines of one file, which must end in exactly one newline."""
    text = (SAMPLE / name / f"{lang}.txt").read_bytes().decode("utf-8")
    assert text.endswith("\n")
    return text[:-1].split("\n")


def numbers(line: str) -> Counter[str]:
    """Numbers in ASCII digits without the separators of thousands, hours and minutes."""
    ascii_digits = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in line)
    return Counter(re.sub(r"\D", "", number) for number in NUMBER.findall(ascii_digits))


def bare(line: str) -> str:
    """Letters, marks and digits alone, in lower case."""
    return "".join(c for c in line.casefold() if unicodedata.category(c)[0] in "LMN")


def names() -> list[dict[str, str]]:
    with (SAMPLE / "text" / "names.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rose from 18,000 in 1995", {"18000": 1, "1995": 1}),
        ("၁၉၉၅ ခုနှစ်တွင် ၁၈,၀၀၀", {"18000": 1, "1995": 1}),
        ("pukul 7.45 pagi, peron 6.", {"745": 1, "6": 1}),
        ("៧:៤៥ នាទី", {"745": 1}),
        ("6, 12 and 30", {"6": 1, "12": 1, "30": 1}),
        ("no number", {}),
    ],
)
def test_numbers_of_a_line(line: str, expected: dict[str, int]) -> None:
    assert numbers(line) == expected


@for_all("lang", LANGUAGES)
@for_all("name", SETS)
def test_lines_are_clean_and_in_one_script(name: str, lang: str) -> None:
    for place, line in enumerate(read(name, lang), start=1):
        assert line == line.strip() != "", place
        assert unicodedata.is_normalized("NFC", line), place
        letters = [c for c in line if unicodedata.category(c)[0] in "LM"]
        assert letters, place
        foreign = [c for c in letters if not unicodedata.name(c).startswith(SCRIPTS[lang])]
        assert not foreign, (place, foreign)
        controls = [c for c in line if unicodedata.category(c)[0] in "CZ" and c not in " \u200b"]
        assert not controls, (place, controls)


@for_all("name", SETS)
def test_chinese_is_simplified(name: str) -> None:
    for line in read(name, "zho_Hans"):
        line.encode("gb2312")  # a character set without the traditional forms


@for_all("lang", TRANSLATIONS)
@for_all("name", SETS)
def test_numbers_agree_with_english(name: str, lang: str) -> None:
    for place, (english, line) in enumerate(
        zip(read(name, ENGLISH), read(name, lang), strict=True), start=1
    ):
        if (name, lang, place) in IN_WORDS:
            assert numbers(line) == Counter(), line
            continue
        expected, words = numbers(english), re.findall("[A-Z][a-z]+", english)
        months = Counter(str(MONTHS.index(word) + 1) for word in words if word in MONTHS)
        assert numbers(line) in (expected, expected + months), (place, english, line)


@for_all("lang", TRANSLATIONS)
@for_all("name", SETS)
def test_names_are_kept(name: str, lang: str) -> None:
    # A Tamil case ending takes the place of the final pulli: யங்கோன், யங்கோனில்.
    forms = {row["english"]: row[lang].removesuffix(PULLI) for row in names()}
    found = 0
    for place, (english, line) in enumerate(
        zip(read(name, ENGLISH), read(name, lang), strict=True), start=1
    ):
        for word, form in forms.items():
            if re.search(rf"\b{word}\b", english):
                assert form in line, (place, word, line)
                found += 1
    assert found >= 4


def test_every_name_has_a_form_in_every_language() -> None:
    for row in names():
        assert list(row) == ["english", *TRANSLATIONS]
        assert all(row.values()), row["english"]


@for_all("lang", LANGUAGES)
def test_counts_and_no_repeats(lang: str) -> None:
    text, held_out = read("text", lang), read("eval", lang)
    assert len(text) == len(read("text", ENGLISH)) >= 120
    assert len(held_out) == 30
    folded = [bare(line) for line in (*text, *held_out)]
    assert len(set(folded)) == len(folded), "a sentence twice, or an evaluation sentence in text"
