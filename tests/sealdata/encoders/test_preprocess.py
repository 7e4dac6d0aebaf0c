"""LASER's preprocessing, against written-out results and against Moses' own normaliser."""

import random
import unicodedata

import numpy as np
import pytest

from sealdata.encoders import preprocess
from sealdata.encoders.preprocess import normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  \t ", ""),
        ("Ang “Bayan Ko” ay awit.", 'ang "bayan ko" ay awit.'),
        ("Don’t l‘eau ‘quoted’", "don't l'eau \"quoted\""),
        ("„Jawa“ – Bali—Lombok…", '"jawa" - bali - lombok...'),
        ("5\u00a0000\u00a0km, 10 %", "5.000\u00a0km, 10%"),
        ("1\u00a02\u00a03", "1.2\u00a03"),  # a digit belongs to one match only
        ("٣ % ៥ %", "٣% ៥%"),  # digits of any script
        ("a (b ) , c", "a (b), c"),
        ('Kata ia: "ya", lalu pergi.', 'kata ia: "ya," lalu pergi.'),
        ("«\u00a0oui\u00a0»", '"oui"'),
        ("x\u00a0«\u00a0oui\u00a0» y", 'x "oui" y'),
        ("ภาษาไทย\u200bมี\u200bช่องว่าง", "ภาษาไทย มี ช่องว่าง"),
        ("line\nbreak\r\nhere", "line break here"),
        ("soft\u00adhyphen \ufeffbom \ue000 \ud800 \U0010ffff.", "soft hyphen bom ."),
        ("ΟΔΟΣ\nΣΑΣ", "οδος σας"),  # sigma at the end of a word, also before a line feed
        ("İstanbul", "i̇stanbul"),
        ("ព្រះ%រាជា", "ព្រះ%រាជា"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise([text]) == [expected]


def test_neighbours_in_a_batch_do_not_touch() -> None:
    texts = ["(", ")", ".", '"', ",", "", "5 ", "% 5\u00a0", "5", "«\u00a0", "Σ", "a\nb", "  "]
    assert normalise(texts) == [normalise([text])[0] for text in texts]


def test_no_texts() -> None:
    assert normalise([]) == []


def varied_texts(count: int) -> list[str]:
    """Scraps of the region's scripts with every mark the normaliser knows strewn in."""
    rng = random.Random(20)
    words = [
        "the",
        "Bangkok",
        "48",
        "3.14",
        "สวัสดี",
        "ខ្ញុំ",
        "ភាសា",
        "မြန်မာ",
        "தமிழ்",
        "中文",
        "Tiếng",
        "Việt",
        "៥",
        "၃",
        "ΣΑΣ",
        "İ",
        "nº",
        "ºC",
        "cm",
    ]
    marks = [
        *"()%:;`'\"„“”–—´‘’‚…«»,.!? \u00a0\n\r\t\u200b\u3000\u2028\ud800\U000e0001",
        "''",
        "  ",
    ]
    return [
        "".join(
            rng.choice(marks if rng.random() < 0.7 else words) for _ in range(rng.randrange(14))
        )
        for _ in range(count)
    ]


def controls() -> list[str]:
    """The characters of category C in Unicode 12.1."""
    return [chr(code) for code in np.flatnonzero(preprocess._controls())] + ["\n"]


def test_category_c_is_that_of_unicode_12_1() -> None:
    """Later versions assign code points and free none; 976,344 is what Python 3.8 counts."""
    table = set(controls())
    assert len(table) == 976_344
    today = {chr(i) for i in range(0x110000) if unicodedata.category(chr(i)).startswith("C")}
    assert today <= table
    assert {unicodedata.category(char) for char in table - today}.isdisjoint({"Cc", "Cf", "Cs"})
    assert all(ord(char) > 0x5FF for char in table - today)


def test_equal_to_moses_normaliser() -> None:
    """100,000 texts; every character of category C is in one of them."""
    moses = pytest.importorskip("sacremoses").MosesPunctNormalizer("en", perl_parity=True)
    moses.substitutions[21] = ("‘", '"')  # LASER's two changes
    moses.substitutions[22] = ("‚", '"')
    table = controls()
    blank = dict.fromkeys(map(ord, table), " ")
    scraps = ("a", "1 ", " (", "' ", "Σ")
    runs = [
        scraps[i % 5] + "ก%".join(table[start : start + 97]) + scraps[i % 3]
        for i, start in enumerate(range(0, len(table), 97))
    ]
    texts = varied_texts(100_000 - len(runs)) + runs
    expected = [str(moses.normalize(text.translate(blank))).lower() for text in texts]
    assert normalise(texts) == expected
