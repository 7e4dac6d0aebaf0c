"""Planted defects: what each kind makes of a sentence, and that chance has no part in it."""

import re
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from sealdata.gold.defects import DEFECTS, PER_KIND, Case, foreign_sentences, kinship, spoil
from sealdata.gold.noise import curly, misread, other_number, repeated
from sealdata.gold.references import REFERENCE_SCHEMA, read_references
from sealdata.languages import languages

SAMPLE = Path(str(files("sealdata") / "sample" / "eval"))


def case(
    src: str, tgt: str, chance: float = 0.0, lang: str = "tha_Thai", **translations: str
) -> Case:
    return Case(lang, src, tgt, chance, "คนอื่น", "คนถัดไป", translations)


BUS = ("The bus with 27 seats leaves at 8.", "รถบัส ๒๗ ที่นั่งออกเวลา 8 นาฬิกา")


@pytest.mark.parametrize(
    ("kind", "pair", "expected"),
    [
        ("shuffled", case(*BUS), (BUS[0], "คนอื่น")),
        ("off by one", case(*BUS), (BUS[0], "คนถัดไป")),
        ("partial", case(*BUS, chance=0.0), ("The bus with 27", BUS[1])),
        ("partial", case(*BUS, chance=0.25), ("seats leaves at 8.", BUS[1])),
        ("partial", case(*BUS, chance=0.5), (BUS[0], "รถบัส ๒๗ ที่นั่ง")),
        ("partial", case(*BUS, chance=0.75), (BUS[0], "ออกเวลา 8 นาฬิกา")),
        ("partial", case("One two three four five six seven", "หนึ่ง"), None),
        ("number", case(*BUS), (BUS[0], "รถบัส ๓๘ ที่นั่งออกเวลา 9 นาฬิกา")),
        ("number", case("Two buses", "รถ ๒ คัน"), None),
        ("copy", case(*BUS, chance=0.0), (BUS[0], BUS[0])),
        ("copy", case(*BUS, chance=0.5), (BUS[0], BUS[0].upper())),
        ("copy", case(*BUS, chance=0.9), (BUS[1], BUS[1])),
        ("truncated", case(*BUS, chance=0.0), (BUS[0], "รถบ")),
        ("truncated", case(*BUS, chance=0.999), ("The bus wit", BUS[1])),
        ("truncated", case("Too short to cut.", "สั้นเกินไป"), None),
        ("mojibake", case("Tea", "ชา"), ("Tea", "à¸Šà¸²")),
        ("mojibake", case("Don't", "Jangan"), ("Donâ€™t", "Jangan")),
        ("mojibake", case("Stop", "Berhenti"), ("Stop", "Berhenti")),
        ("html", case("Tea", "ชา", chance=0.0), ("Tea", '<a href="/berita/2>ชา</a>')),
        ("html", case("Tea", "ชา", chance=0.99), ("Tea", "<p>ชา</p>")),
        ("repetition", case("Tea now", "ชา"), ("Tea now Tea now Tea now", "ชาชาชา")),
        ("swap, other script", case("Tea", "ชา", lao_Laoo="ຊາ", khm_Khmr="តែ"), ("Tea", "តែ")),
        ("swap, confusable", case("Tea", "ชา", lao_Laoo="ຊາ", khm_Khmr="តែ"), ("Tea", "ຊາ")),
        ("swap, same script", case("Tea", "ชา", lao_Laoo="ຊາ", khm_Khmr="តែ"), None),
    ],
)
def test_what_a_defect_is(kind, pair, expected):
    assert DEFECTS[kind](pair) == expected


def test_foreign_text_is_in_languages_of_known_names():
    known = {language.name for language in languages().values()}
    sentences = foreign_sentences()
    assert len(sentences) == 25
    assert set(sentences) <= known
    every = [text for texts in sentences.values() for text in texts]
    assert len(set(every)) == len(every) == 169


@pytest.mark.parametrize(
    ("kind", "chance", "src", "tgt"),
    [
        ("foreign, English side", 0.0, "Když skončil film, nikomu se nechtělo vstát.", BUS[1]),
        (
            "foreign, English side, capitals",
            0.28,
            "IM WINTER FRIEREN DIE SEEN MANCHMAL SO FEST ZU, DASS MAN DARAUF LAUFEN KANN.",
            BUS[1],
        ),
        (
            "foreign, other side",
            0.0,  # in place of Thai, any letters will do
            BUS[0],
            "ستبني البلدية جسرا جديدا فوق النهر في العام القادم.",
        ),
        (
            "foreign, other side",
            0.99,
            BUS[0],
            "Doktor ona daha az tuz yemesini ve her gün yürümesini söyledi.",
        ),
    ],
)
def test_foreign_text_takes_the_place_of_one_side(kind, chance, src, tgt):
    assert DEFECTS[kind](case(*BUS, chance=chance)) == (src, tgt)


def test_foreign_text_has_the_length_and_letters_of_what_it_replaces():
    """As far as the sentences of a language go: those of Hebrew have 131 characters."""
    for side, kind in enumerate(("foreign, English side", "foreign, other side")):
        for num_chars, least in ((80, 56), (300, 210)):
            for step in range(25):
                replaced = DEFECTS[kind](case(*("x" * num_chars,) * 2, chance=step / 25))[side]
                assert least <= len(replaced) < least + 100
                assert re.search("[a-z]", replaced)


def test_truncation_leaves_less_than_a_third():
    for step in range(100):
        src, tgt = DEFECTS["truncated"](case("x" * 90, "y" * 90, chance=step / 100))
        assert 1 <= min(len(src), len(tgt)) < 30
        assert max(len(src), len(tgt)) == 90


@pytest.mark.parametrize(
    ("lang", "other", "expected"),
    [
        ("ind_Latn", "zsm_Latn", "confusable"),
        ("tha_Thai", "lao_Laoo", "confusable"),  # by languages.toml, though the scripts differ
        ("tgl_Latn", "ceb_Latn", "confusable"),
        ("ind_Latn", "vie_Latn", "same script"),
        ("tha_Thai", "khm_Khmr", "other script"),
    ],
)
def test_kinship_goes_both_ways(lang, other, expected):
    assert kinship(lang, other) == kinship(other, lang) == expected


def test_text_spoilers():
    assert other_number("٩ of 19, ๙") == "٠ of 20, ๐"
    assert curly('"Don\'t go" he said') == "“Don’t go” he said"
    assert misread("é") == "Ã©"
    assert repeated("ab", 2) == "abab"
    assert repeated("a b", 2) == "a b a b"


def references(rows: list[tuple[str, str, int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=REFERENCE_SCHEMA, orient="row")


def test_a_spoiled_pair_is_never_the_pair_itself():
    """Indonesian and Malay often say the same; such a swap is not a defect."""
    rows = [
        ("ind_Latn", "dev", 1, "I eat rice.", "Saya makan nasi."),
        ("zsm_Latn", "dev", 1, "I eat rice.", "Saya makan nasi."),
        ("ind_Latn", "dev", 2, "The shop is closed.", "Tokonya tutup."),
        ("zsm_Latn", "dev", 2, "The shop is closed.", "Kedai itu tutup."),
    ]
    swaps = spoil(references(rows), ["ind_Latn"]).filter(pl.col("kind") == "swap, confusable")
    assert swaps.rows() == [
        ("ind_Latn", "dev", 2, "The shop is closed.", "Kedai itu tutup.", "swap, confusable")
    ]
    assert spoil(references(rows[:1]), ["ind_Latn"]).filter(pl.col("kind") == "shuffled").is_empty()


def test_defects_depend_on_the_text_alone():
    """Not on the order of the lines, nor on which other languages are judged."""
    values = read_references(SAMPLE)
    spoiled = spoil(values, ["tha_Thai", "ind_Latn"])
    again = spoil(values.reverse(), ["ind_Latn"])
    assert again.rows() == spoiled.filter(pl.col("lang") == "ind_Latn").rows()
    counts = dict(spoiled.group_by("kind").len().rows())
    assert counts == {
        "shuffled": 60,
        "off by one": 60,
        "partial": 44,  # English of fewer than eight words has no halves
        "swap, other script": 60,
        "swap, same script": 30,  # no other language here is written in Thai letters
        "swap, confusable": 60,
        "foreign, English side": 60,
        "foreign, other side": 60,
        "foreign, English side, capitals": 60,
        "foreign, other side, capitals": 60,
        "truncated": 54,  # of six sentences the English is too short to cut
        "copy": 60,
        "number": 16,
        "mojibake": 30,  # the Indonesian is all ASCII, and the English has no quotation marks
        "html": 60,
        "repetition": 60,
    }


def test_large_sets_are_sampled():
    rows = [
        ("ind_Latn", "dev", n, f"Bus {n} is late.", f"Bus {n} terlambat.")
        for n in range(1, PER_KIND + 100)
    ]
    spoiled = spoil(references(rows), ["ind_Latn"])
    counts = dict(spoiled.group_by("kind").len().rows())
    foreign = [kind for kind in DEFECTS if kind.startswith("foreign")]
    kinds = ["shuffled", "off by one", *foreign, "copy", "number", "html", "repetition"]
    assert counts == dict.fromkeys(kinds, PER_KIND)


def test_off_by_one_takes_the_next_line():
    """Of lines with the same English none is the next; the last line has another stranger."""
    texts = [("One.", "satu"), ("Two.", "dua"), ("Two.", "dua lagi"), ("Three.", "tiga")]
    rows = [("ind_Latn", "dev", n, *texts[n]) for n in range(4)]
    wrong = spoil(references(rows), ["ind_Latn"]).filter(kind="off by one").sort("line")
    partners = dict(wrong.select("line", "tgt").rows())
    assert partners[0] == "dua"
    assert partners[2] == "tiga"
    assert all(partners.get(n) != texts[n][1] for n in range(4))


@pytest.mark.parametrize("lang", ["deu_Latn", "bho_Deva", "ary_Arab", "glg_Latn"])
def test_foreign_text_is_not_of_the_language_or_what_it_is_taken_for(lang):
    mine = {"deu_Latn": "German", "bho_Deva": "Hindi", "ary_Arab": "Arabic", "glg_Latn": "Galician"}
    banned = set(foreign_sentences().get(mine[lang], ()))
    for step in range(50):
        given = case(*BUS, lang=lang, chance=step / 50)
        _, text = DEFECTS["foreign, other side"](given)
        assert not any(sentence in text for sentence in banned)
