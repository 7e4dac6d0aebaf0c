"""The order of marks in Thai, Lao, Khmer and Burmese, and Burmese out of Zawgyi."""

import unicodedata
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myanmartools import ZawgyiDetector

from sealdata.cleaners.zawgyi import to_unicode
from sealdata.component import load
from sealdata.text.zawgyi import is_zawgyi


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
        ("ក្រ្រ", "ក្រ្រ"),  # a letter below is not a mark, however often it stands there
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
        ("ေကာင္းေသာ ည၀က္ ၁၀ ရက္", "ကောင်းသော ညဝက် ၁၀ ရက်"),  # 0 stays where it may be one
        ("အေရးပါလွေသာ အျမင္", "အရေးပါလှသော အမြင်"),  # no sign of its own, and most are in order
        ("မမွန္ဘူးလို႔ ေျပာ", "မမှန်ဘူးလို့ ပြော"),
    ],
)
def test_zawgyi(text, converted):
    assert to_unicode(text) == unicodedata.normalize("NFC", converted)
    if len(text) > 16:
        assert clean("zawgyi", text) == [unicodedata.normalize("NFC", converted)]


ZAWGYI = ["အေရးပါလွေသာ", "သူရူးအျဖစ္သို့", "မမွန္ဘူး", "လာမယ္ဆိုပဲ", "ပမာဏကမ်ားစြာက", "အထဲမွ"]
UNDECIDED = ["အဘိဓာန္", "တူနီးရွား", "ရက္ထိ", "ကို", "", "rain", "a\u200bေသ\u200b b"]


@pytest.mark.parametrize("text", [*ZAWGYI, *UNDECIDED, "ရန်ကုန်မြို့တွင် ရေကြီးသည်။"])
def test_the_detector_of_google_decides(text):
    sure = ZawgyiDetector().get_zawgyi_probability(text) >= 0.95
    assert is_zawgyi(pl.Series([text, None, text])).to_list() == [sure, False, sure]
    assert sure or text not in ZAWGYI


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("၀င်ငွေ ၀ါ ၀ယ် ၀န်ကြီး ၀တ္ထု ပတ်၀န်းကျင်", "ဝင်ငွေ ဝါ ဝယ် ဝန်ကြီး ဝတ္ထု ပတ်ဝန်းကျင်"),
        ("ဘ၀ နှင့် သဘာ၀ တ၀က်", "ဘဝ နှင့် သဘာဝ တဝက်"),
        ("၇န်ကုန်၊ ၁၇က်၊ ၈ါ", "ရန်ကုန်၊ ၁ရက်၊ ဂါ"),
        ("၄င်း၏", "၎င်း၏"),
        ("၁ဝ ရက်၊ ၂ဝ၁ရ၊ ၅ဝ%၊ ၁ဝဝ", "၁၀ ရက်၊ ၂၀၁ရ၊ ၅၀%၊ ၁၀၀"),  # ရ ends no number that is sure
        ("၂ဝ၁ရ၉ ၁၈ဝံ ၀ံပုလွေ", "၂၀၁၇၉ ၁၈၀ံ ဝံပုလွေ"),
        *[
            (text, text)
            for text in (
                *("၁၀ရက် ၇ရက် ၁၀ ရက်", "၀.၅ နှင့် ၀ ဒီဂရီ၊ အပူချိန်၀ဒီဂရီ", "၇း၃၀ နာရီ", "၄ ခု"),
                *("၁ဝန်ကြီး", "ကို ၀ မှ ၁", "၂၀၁၇ခုနှစ်", "အမှတ်၀၅", "၁၀၀ရာခိုင်နှုန်း", "၀ကို"),
            )
        ],
    ],
)
def test_digits_typed_for_letters_and_letters_for_digits(text, cleaned):
    assert clean("burmese", text) == [unicodedata.normalize("NFC", cleaned)]


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
LOOKS |= {"၀": "ဝ", "၇": "ရ", "၈": "ဂ", "၄": "၎"}


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


# A sign of Zawgyi -> what a reader sees after the letter ka: a vowel or tone, a medial, a letter
# below, or a letter of its own. As in the tables of Zawgyi-One; other signs are the same in both.
AFTER_KA = {
    0x1033: "\u102f", 0x1034: "\u1030", 0x1039: "\u103a", 0x103A: "\u103b",
    0x103B: "\u103c", 0x103C: "\u103d", 0x103D: "\u103e", 0x105A: "\u102b\u103a",
    0x107D: "\u103b", 0x1085: "္လ", 0x1087: "\u103e", 0x1088: "\u103e\u102f",
    0x1089: "\u103e\u1030", 0x108A: "\u103d\u103e", 0x108E: "\u102d\u1036", 0x1093: "္ဘ",
    0x1094: "\u1037", 0x1095: "\u1037", 0x1096: "္တ\u103d",
    **dict.fromkeys(range(0x107E, 0x1085), "\u103c"),
    0x1060: "္က", 0x1061: "္ခ", 0x1062: "္ဂ", 0x1063: "္ဃ", 0x1065: "္စ", 0x1066: "္ဆ",
    0x1067: "္ဆ", 0x1068: "္ဇ", 0x1069: "္ဈ", 0x106C: "္ဋ", 0x106D: "္ဌ", 0x1070: "္ဏ",
    0x1071: "္တ", 0x1072: "္တ", 0x1073: "္ထ", 0x1074: "္ထ", 0x1075: "္ဒ", 0x1076: "္ဓ",
    0x1077: "္န", 0x1078: "္ပ", 0x1079: "္ဖ", 0x107A: "္ဗ", 0x107B: "္ဘ", 0x107C: "္မ",
    0x106A: "ဉ", 0x106B: "ည", 0x106E: "ဍ္ဍ", 0x106F: "ဍ္ဎ", 0x1086: "ဿ", 0x108F: "န",
    0x1090: "ရ", 0x1091: "ဏ္ဍ", 0x1092: "ဋ္ဌ", 0x1097: "ဋ္ဋ",
}  # fmt: skip
KINZI = {0x1064: "", 0x108B: "\u102d", 0x108C: "\u102e", 0x108D: "\u1036"}


def test_every_sign_of_zawgyi_is_converted():
    expected = dict.fromkeys([*range(0x102B, 0x103E), 0x105A, *range(0x1060, 0x1098)])
    for code in expected:
        expected[code] = "က" + AFTER_KA.get(code, chr(code))
        if code in KINZI:
            expected[code] = f"င်္က{KINZI[code]}"  # it stands before its letter in Unicode
    assert {code: to_unicode("က" + chr(code)) for code in expected} == expected
    assert to_unicode("\u1031\u107eက") == "ကြေ"  # signs that Zawgyi stores before their letter
