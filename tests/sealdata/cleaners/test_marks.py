"""The order of marks in Thai, Lao, Khmer and Burmese, and Burmese out of Zawgyi."""

import unicodedata
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.cleaners.zawgyi import to_unicode
from sealdata.component import load


def clean(name, *texts):
    return load("cleaners", name).clean(pl.Series("text", texts, dtype=pl.String)).to_list()


def typed(*characters):
    return "".join(characters)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (typed("ก", "\u0e48", "\u0e35"), "กี่"),  # tone before vowel
        (typed("น", "\u0e49", "\u0e4d", "า"), "น้ำ"),
        (typed("น", "\u0e4d", "\u0e49", "า"), "น้ำ"),
        (typed("น", "ำ", "\u0e49"), "น้ำ"),
        (typed("สิทธ", "\u0e4c", "\u0e34"), "สิทธิ์"),
        ("เเละเเล้ว", "และแล้ว"),
        (typed("ก", "\u0e35", "\u0e35", "\u0e48"), "กี่"),
        ("ไม่เป็นไร เลอะเทอะ ฯลฯ ๆ", "ไม่เป็นไร เลอะเทอะ ฯลฯ ๆ"),
        (typed("ນ", "\u0ec9", "\u0ecd", "າ"), "ນ້ຳ"),
        (typed("ກ", "\u0ec8", "\u0ecd"), "ກໍ່"),
        ("ເເລະ", "ແລະ"),
        (typed("ຫ", "\u0ebc", "\u0eb1", "ງ"), typed("ຫ", "\u0ebc", "\u0eb1", "ງ")),
        (typed("ຫ", "\u0eb1", "\u0ebc", "ງ"), typed("ຫ", "\u0ebc", "\u0eb1", "ງ")),
    ],
)
def test_thai_and_lao(text, cleaned):
    assert clean("thai_lao", text) == [cleaned]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("សាស្រ្ត", "សាស្ត្រ"),  # ro below last: "science" as TICO-19 often has it
        ("មន្រ្តី", "មន្ត្រី"),
        (typed("ម", "\u17c9", "\u17d2", "យ", "ា", "ង"), typed("ម", "\u17d2", "យ", "\u17c9", "ាង")),
        (typed("ក", "\u17c1", "\u17d2", "ល"), "ក្លេ"),
        (typed("ក", "\u17c6", "\u17b6"), "កាំ"),
        (typed("ក", "\u17c1", "\u17b8", "ត"), "កើត"),
        (typed("ក", "\u17c1", "\u17b6"), "កោ"),
        (typed("ក", "\u17b7", "\u17b7"), "កិ"),
        (typed("ប", "\u17c9", "\u200c", "\u17b8"), typed("ប", "\u17c9", "\u200c", "\u17b8")),
        ("ក្រ្រ", "ក្រ្រ"),  # a letter below is no mark, however often it stands there
    ],
)
def test_khmer(text, cleaned):
    assert clean("khmer", text) == [cleaned]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (typed("လ", "\u1031", "\u1037", "\u102c"), typed("လ", "\u1031", "\u102c", "\u1037")),
        (typed("က", "\u102f", "\u102d"), "ကို"),
        (typed("မ", "\u103e", "\u103b", "\u102c"), typed("မ", "\u103b", "\u103e", "\u102c")),
        (typed("က", "\u102d", "\u102d"), "ကိ"),
        ("ယောက်ျား ကျွန်ုပ် အင်္ဂလိပ်", "ယောက်ျား ကျွန်ုပ် အင်္ဂလိပ်"),  # asat before other marks
        (unicodedata.normalize("NFC", "ပြန့်ပွား"),) * 2,
    ],
)
def test_burmese(text, cleaned):
    assert clean("burmese", text) == [cleaned]


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        ("ျမန္မာႏိုင္ငံ", "မြန်မာနိုင်ငံ"),
        ("ေဒၚေအာင္ဆန္းစုၾကည္", "ဒေါ်အောင်ဆန်းစုကြည်"),
        ("ကၽြန္ေတာ္ အဂၤလိပ္လို မေျပာတတ္ဘူး။", "ကျွန်တော် အင်္ဂလိပ်လို မပြောတတ်ဘူး။"),
        ("ဉာဏ္ႀကီးရွင္", "ဉာဏ်ကြီးရှင်"),
        ("ဗုဒၶဘာသာ", "ဗုဒ္ဓဘာသာ"),
        ("ေကာင္းေသာ ည၀က္ ၁၀ ရက္", "ကောင်းသော ည၀က် ၁၀ ရက်"),  # 0 stays where it may be one
    ],
)
def test_zawgyi(text, converted):
    assert to_unicode(text) == unicodedata.normalize("NFC", converted)
    if len(text) > 20:
        assert clean("zawgyi", text) == [unicodedata.normalize("NFC", converted)]


def test_unicode_burmese_shan_mon_and_karen_are_not_taken_for_zawgyi():
    texts = [
        "ရန်ကုန်မြို့တွင် ရေကြီးသဖြင့် ကျောင်းများ ၃ ရက် ပိတ်သည်။",
        "လိၵ်ႈတႆး ပဵၼ်ၽႃႇသႃႇဢၼ်ၸႂ်ႉတေႃႈၵူၼ်းတႆး",
        "ႁူဝ်ႁႅၼ်းႁဵၼ်းတၢင်းလိူဝ် ၼႂ်းမိူင်းတႆး",
        "ဘာသာမန် ဒှ်ဘာသာကောန်ဂကူမန်ကီု",
        "ပှၤကညီခဲလၢာ် လၢကီၢ်ပူၤ ဒီးတၢ်အီၣ်",
        "ေ",
        "English ေ and a stray sign",
    ]
    assert clean("zawgyi", *texts) == texts


LOOKS = {"\u0e41": "\u0e40\u0e40", "\u0ec1": "\u0ec0\u0ec0", "\u17be": "\u17c1\u17b8"}
LOOKS |= {"\u17c4": "\u17c1\u17b6"}


def signs(text):
    """Letters and marks by NFKD, signs that look like two as two."""
    text = unicodedata.normalize("NFKD", "".join(LOOKS.get(char, char) for char in text))
    return Counter(char for char in text if unicodedata.category(char)[0] in "LM")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("thai_lao", 0xE01, 0xE4E),
        ("thai_lao", 0xE81, 0xEDD),
        ("khmer", 0x1780, 0x17DD),
        ("burmese", 0x1000, 0x109D),
    ],
)
def test_only_the_copy_of_a_mark_is_lost(name, first, last):
    """No letter, and no mark that a text has once; cleaned text stays as it is, in NFC too."""
    alphabet = st.characters(min_codepoint=first, max_codepoint=last, exclude_categories=["Cn"])

    @settings(deadline=None, max_examples=300)  # the machine may be busy
    @given(st.text(alphabet | st.sampled_from(" \u200b\u200c\u200d"), max_size=20))
    def holds(text):
        text = unicodedata.normalize("NFC", text)
        [cleaned] = clean(name, text)
        before, after = signs(text), signs(cleaned)
        assert set(before) == set(after)
        letters = [char for char in before if unicodedata.category(char)[0] == "L"]
        assert all(before[char] == after[char] for char in letters)
        assert not after - before
        assert clean(name, cleaned) == [cleaned]
        assert unicodedata.normalize("NFC", cleaned) == cleaned

    holds()


@pytest.mark.parametrize("code", [*range(0x102B, 0x103E), 0x105A, *range(0x1060, 0x1098)])
def test_every_sign_of_zawgyi_becomes_something(code):
    before, after = to_unicode(chr(code) + "က"), to_unicode("က" + chr(code))
    assert max(len(before), len(after)) >= 2
    assert "က" in before
    assert "က" in after
