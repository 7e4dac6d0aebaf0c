"""Function words: what they count, and how far they turn what the model says."""

import unicodedata
from functools import partial

import polars as pl
import pytest

from sealdata.component import load
from sealdata.languages import languages
from sealdata.lid.function_words import column_of, count_function_words, words_by_language
from sealdata.pairs import make_pairs


def test_words_are_plain_and_listed_once_a_language() -> None:
    for lang, words in words_by_language().items():
        assert lang in {*languages(), "swh_Latn", "hau_Latn"}  # two that lid.176 is weak in
        assert len(words) == len(set(words))
        for word in words:
            assert word == unicodedata.normalize("NFC", word).lower()
            assert word.isalpha()


SETS = {
    lang[:3]: column_of(lang)
    for lang in ("ind_Latn", "tgl_Latn", "vie_Latn", "eng_Latn", "ace_Latn", "pag_Latn", "hau_Latn")
}


@pytest.mark.parametrize(
    ("text", "distinct", "weight", "num_words"),
    [
        ("Pira rega karcis menyang desa kuwi?", {"ind": 3}, {"ind": 1.5}, 6),
        # "ay" and "at" are written elsewhere, too. Minangkabau has "ang", English "at".
        (
            "Ang mga bata ay naglalaro, at ang MGA aso.",
            {"ind": 1, "tgl": 4, "eng": 1},
            {"ind": 0.5, "tgl": 1.5, "eng": 0.25},
            9,
        ),
        ("Nang itu rumah kami", {"ind": 3, "tgl": 2}, {"ind": 1.5, "tgl": 1.0}, 4),  # Banjar
        ("Tại sao vậy?", {"vie": 3}, {"vie": 2.5}, 3),  # only Vietnamese has ạ and ậ
        ("alon-alon menyang dalan", {"ind": 1}, {"ind": 0.5}, 4),  # a hyphen parts words
        ("Hana soe nyang teupeue", {"ace": 3}, {"ace": 1.5}, 4),
        ("Anggapoy lapud odino", {"pag": 3}, {"pag": 1.5}, 3),
        ("The children are playing in the garden.", {"eng": 2}, {"eng": 0.75}, 7),
        ("", {}, {}, 0),
        (None, {}, {}, 0),
        ("... 45 %", {}, {}, 0),
    ],
)
def test_counts(
    text: str | None, distinct: dict[str, int], weight: dict[str, float], num_words: int
) -> None:
    found = count_function_words(pl.Series([text, text], dtype=pl.String))
    assert {n: int(found.distinct[1, c]) for n, c in SETS.items() if found.distinct[1, c]} == (
        distinct
    )
    assert {n: float(found.weight[1, c]) for n, c in SETS.items() if found.weight[1, c]} == weight
    assert found.num_words.tolist() == [num_words, num_words]


def test_languages_of_a_set_share_a_column() -> None:
    assert column_of("jav_Latn") == column_of("min_Latn") == SETS["ind"]
    assert column_of("tha_Thai") is None
    assert column_of("mya_Mymr") is None  # though Jingpho, in Latin letters, is of its set
    assert column_of("kac_Latn") is not None


def score(column: str, text: str, lang: str) -> float | None:
    side = "src" if lang == "eng_Latn" else "tgt"
    pairs = make_pairs([(text, text)], tgt_lang="ind_Latn" if side == "src" else lang)
    value = load("scorers", "lid").score(pairs)[f"{side}_{column}"].item()
    return None if value is None else float(value)


odds = partial(score, "odds")


@pytest.mark.parametrize(
    ("text", "own", "other"),
    [
        ("Pira rega karcis menyang pulo kuwi?", "jav_Latn", "vie_Latn"),  # Cebuano, says the model
        ("Walang sinumang nakahihigit sa batas.", "tgl_Latn", "jav_Latn"),
        ("Tại sao vậy?", "vie_Latn", "ind_Latn"),  # 9 letters: words alone
        ("Ambo alah tau, tapi ang indak ado di siko tadi.", "min_Latn", "tgl_Latn"),
        ("Urang nang datang kamari kada tahu ngarannya.", "bjn_Latn", "tgl_Latn"),
        # the English side
        ("The bus to the market leaves before six.", "eng_Latn", "vie_Latn"),
        ("THE BUS TO THE MARKET LEAVES BEFORE SIX.", "eng_Latn", "vie_Latn"),
        ("Watoto wote wana haki ya kucheza na wengine.", "swh_Latn", "tgl_Latn"),
        # languages without a label
        ("Bak uroe nyan ureueng gampong hana jak u laot.", "ace_Latn", "eng_Latn"),
        ("Ring desa puniki nenten wenten sekolah sane anyar.", "ban_Latn", "eng_Latn"),
    ],
)
def test_words_turn_what_the_model_is_unsure_of(text: str, own: str, other: str) -> None:
    right, wrong = odds(text, own), odds(text, other)
    assert right is not None
    assert wrong is not None
    assert wrong < -0.6 < right


GERMAN = "Der Zug nach Hamburg hat heute leider eine halbe Stunde Verspätung."
SWAHILI = "Watoto wanacheza mpira uwanjani kila siku baada ya shule."
HAUSA = "Yara suna buga ƙwallo a filin makaranta kowace rana bayan karatu."  # no label in lid.176
MALAY = "Kanak-kanak bermain bola di padang sekolah pada setiap petang."
SPANISH = "Los niños juegan al fútbol en el patio después de la escuela."


@pytest.mark.parametrize("text", [GERMAN, SWAHILI, HAUSA, MALAY, SPANISH])
@pytest.mark.parametrize("case", [str, str.upper])
def test_strangers_of_any_label_or_none_are_suspicious(text: str, case: type[str]) -> None:
    declared = ["eng_Latn", "vie_Latn", "tgl_Latn"]
    declared += ["jav_Latn", "sun_Latn", "bjn_Latn"] if text != MALAY else []
    # Of a language without a label, only those that the model is sure of can be told apart.
    declared += ["ace_Latn", "pag_Latn", "kac_Latn"] if text in (GERMAN, SPANISH) else []
    values = {lang: odds(case(text), lang) for lang in declared}
    assert {lang for lang, value in values.items() if value is None or value > -0.6} == set()


def test_odds_without_any_evidence_are_null() -> None:
    assert odds("Halo!", "vie_Latn") is None
    assert odds("12345", "vie_Latn") is None
    assert odds("Selamat datang!", "tgl_Latn") is None  # 14 letters: the model is not asked
    # "dua" is written elsewhere: no evidence for Malay, only three words without Vietnamese ones
    assert odds("Dua kuda jantan", "vie_Latn") == pytest.approx(-0.3)
    assert odds("ຂອບໃຈ", "lao_Laoo") == pytest.approx(2.301, abs=1e-3)
    assert odds("Xin", "tha_Thai") == pytest.approx(-2.301, abs=1e-3)  # letters need no model


def test_function_words_are_a_score_of_their_own() -> None:
    assert score("function_words", "The bus leaves before six.", "eng_Latn") == 2
    assert score("function_words", HAUSA, "eng_Latn") == 0
    assert score("function_words", "รถออกแล้ว", "tha_Thai") is None
