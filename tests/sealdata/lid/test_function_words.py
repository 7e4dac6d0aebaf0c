"""Function words: what they count, and that no word speaks for two sets."""

import tomllib
import unicodedata
from importlib.resources import files

import polars as pl
import pytest

from sealdata.component import load
from sealdata.languages import confusable_set, languages
from sealdata.lid.function_words import count_function_words, languages_with_words
from sealdata.pairs import make_pairs

WORDS = tomllib.loads(files("sealdata.lid").joinpath("function_words.toml").read_text("utf-8"))


def test_words_are_plain_and_of_one_set() -> None:
    owners: dict[str, tuple[str, ...] | str] = {}
    for lang, words in WORDS.items():
        assert lang in languages() or lang == "bjn_Latn"
        for word in words.split():
            assert word == unicodedata.normalize("NFC", word).lower()
            assert word.isalpha()
            own = confusable_set(lang) or lang
            assert owners.setdefault(word, own) == own, f"{word} is of two sets"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Pira rega karcis menyang pulo kuwi?", {"malayic": 3}),
        ("Ang mga bata ay naglalaro, at ang MGA aso.", {"tgl": 4}),  # distinct ones
        ("Sabaraha harga karcis ka pulo éta?", {"malayic": 2}),
        ("Tại sao vậy?", {"vie": 1}),
        ("alon-alon ing dalan", {"malayic": 1}),  # a hyphen parts words
        ("The children are playing in the garden.", {"eng": 2}),
        ("", {}),
        ("ភ្លៀង 2020", {}),
    ],
)
def test_counts(text: str, counts: dict[str, int]) -> None:
    [row] = count_function_words(pl.Series([text])).tolist()
    names = [("malayic" if "jav_Latn" in confusable_set(lang) else lang[:3]) for lang in LANGS]
    names = [
        "tgl" if "tgl_Latn" in confusable_set(lang) else n
        for n, lang in zip(names, LANGS, strict=True)
    ]
    assert {name: n for name, n in zip(names, row, strict=True) if n} == counts


LANGS = languages_with_words()


def odds(text: str, lang: str) -> float | None:
    pairs = make_pairs([("The children are playing.", text)], tgt_lang=lang)
    value = load("scorers", "lid").score(pairs)["tgt_odds"].item()
    return None if value is None else float(value)


@pytest.mark.parametrize(
    ("text", "own", "other"),
    [
        ("Pira rega karcis menyang pulo kuwi?", "jav_Latn", "vie_Latn"),  # Cebuano, says the model
        ("Walang sinumang nakahihigit sa batas.", "tgl_Latn", "jav_Latn"),
        ("Tại sao vậy?", "vie_Latn", "ind_Latn"),  # 9 letters: words alone
    ],
)
def test_words_turn_what_the_model_is_unsure_of(text: str, own: str, other: str) -> None:
    right, wrong = odds(text, own), odds(text, other)
    assert right is not None
    assert wrong is not None
    assert wrong < -0.4 < right


def test_odds_without_any_evidence_are_null() -> None:
    assert odds("Halo!", "vie_Latn") is None
    assert odds("12345", "vie_Latn") is None
