"""What every cleaner must hold to, and tables of what each one does."""

import unicodedata
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import available, load

SENTENCES = {
    "eng_Latn": "Don’t you think the café on 5th Street — the old one — is closed?",
    "vie_Latn": "Tôi đã đọc quyển sách ấy ở Huế, và rất thích nó.",
    "tha_Thai": "น้ำท่วมที่กรุงเทพฯ ทำให้โรงเรียนปิด ๓ วัน",
    "lao_Laoo": "ນ້ຳຖ້ວມຢູ່ວຽງຈັນ ເຮັດໃຫ້ໂຮງຮຽນປິດ ໓ ມື້",
    "khm_Khmr": "ទឹកជំនន់នៅភ្នំពេញ ធ្វើឱ្យសាលារៀនបិទ ៣ ថ្ងៃ។",
    "mya_Mymr": "ရန်ကုန်မြို့တွင် ရေကြီးသဖြင့် ကျောင်းများ ၃ ရက် ပိတ်သည်။",
    "tam_Taml": "சென்னையில் வெள்ளம் காரணமாக பள்ளிகள் ௩ நாட்கள் மூடப்பட்டன.",
    "zho_Hans": "雅加达的洪水使学校停课３天。",
    "jav_Latn": "Bocah-bocah padha dolanan ing latar, é è ê.",
}
BLOCKS = {
    "Latin": (0x41, 0x24F),
    "Vietnamese": (0x1EA0, 0x1EF9),
    "Thai": (0xE01, 0xE5B),
    "Lao": (0xE81, 0xEDF),
    "Khmer": (0x1780, 0x17F9),
    "Myanmar": (0x1000, 0x109F),
    "Tamil": (0xB82, 0xBFA),
    "Han": (0x4E00, 0x4FFF),
    "combining": (0x300, 0x36F),
}


def clean(name, *texts, **options):
    cleaned = load("cleaners", name, options).clean(pl.Series("text", texts, dtype=pl.String))
    assert cleaned.dtype == pl.String
    assert len(cleaned) == len(texts)
    return cleaned.to_list()


def letters(text):
    """The letters and marks of a text, canonically decomposed: what no cleaner may lose."""
    decomposed = unicodedata.normalize("NFD", text)
    return Counter(char for char in decomposed if unicodedata.category(char)[0] in "LM")


@pytest.mark.parametrize("name", available("cleaners"))
@pytest.mark.parametrize("lang", SENTENCES)
def test_a_good_sentence_stays_as_it_is(name, lang):
    assert clean(name, SENTENCES[lang]) == [SENTENCES[lang]]


@pytest.mark.parametrize("name", ["unicode", "html", "whitespace"])
@pytest.mark.parametrize("block", BLOCKS)
def test_no_letter_or_mark_is_lost(name, block):
    first, last = BLOCKS[block]
    alphabet = st.characters(min_codepoint=first, max_codepoint=last, exclude_categories=["Cn"])
    noise = st.sampled_from(" \u200b\u200c\u200d\ufeff\xad\t\n\xa0>3." + "<&;" * (name != "html"))

    @settings(deadline=None)  # the machine may be busy
    @given(st.text(alphabet | noise, max_size=30))
    def holds(text):
        once = clean(name, text)[0]
        assert letters(once) == letters(text)
        assert clean(name, once) == [once]

    holds()


@pytest.mark.parametrize("name", available("cleaners"))
@settings(deadline=None)  # the machine may be busy
@given(text=st.text(max_size=40) | st.text("aÃ©â€™<b>&;p/ amp#", max_size=40))
def test_cleaning_again_changes_nothing(name, text):
    once = clean(name, text)
    assert clean(name, *once) == once


SPOILED = {  # what each cleaner has something to do with; the rest share one text
    "thai_lao": "น้ํา",
    "khmer": "សាស្រ្ត",
    "burmese": "လေ့ာ",
    "zawgyi": "ကၽြန္ေတာ္",
    "mask": "Call 081-234-5678",
}


@pytest.mark.parametrize("name", available("cleaners"))
def test_only_what_needs_it_is_touched_and_order_stays(name):
    spoiled = SPOILED.get(name, "  cafÃ©\u200b &amp; \n more  ")
    texts = ["one", None, spoiled, "", "two"]
    cleaned = clean(name, *texts)
    assert [cleaned[i] for i in (0, 1, 3, 4)] == ["one", "", "", "two"]
    assert cleaned[2] != texts[2]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301", "é"),
        ("Tie\u0302\u0301ng", "Tiếng"),
        ("ni\u0323\u0302", "nị\u0302"),
        ("soft\xadhyphen", "softhyphen"),
        ("\ufeffstart", "start"),
        ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
        ("က\u200dဖ \u200c", "က\u200dဖ \u200c"),
        ("bell\x07 del\x7f c1\x9d", "bell del c1"),
        ("tab\there\r\nthere\x0b\x0c\x85.", "tab here  there   ."),
        ("e\u200b\u0301", "é"),  # what a removal brings together is composed
    ],
)
def test_unicode(text, cleaned):
    assert clean("unicode", text) == [cleaned]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a  b ", "a b"),
        ("a\xa0b\u3000c\u2009d", "a b c d"),
        ("a\u2028b\u0085c\n\nd\t", "a b c d"),
        ("\u3000", ""),
        ("ก ข", "ก ข"),
        ("a\u200bb", "a\u200bb"),
    ],
)
def test_whitespace(text, cleaned):
    assert clean("whitespace", text) == [cleaned]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&amp;amp;lt;3", "<3"),
        ("&#3585;&#x0E02;&eacute;", "กขé"),
        ("x&nbsp;y", "x\xa0y"),
        ("<b>bold</b> and <i class='x'>more</i>", "bold and more"),
        ("one<br/>two</p>", "one two "),
        ('<a href="http://x/?a=1&b=2" target=_blank>link</a>', "link"),
        ("&lt;p&gt;text&lt;/p&gt;", " text "),
        ("a<!-- note -->b", "a b"),
        ("<<b>i>x", "x"),
        # Text, not HTML:
        ("I <3 you; 5 < 6 > 4", "I <3 you; 5 < 6 > 4"),
        ("if <a and b> then <name>", "if <a and b> then <name>"),
        ("R&D, AT&T; a&b=c; ?x=1&copy=2&lt=3", "R&D, AT&T; a&b=c; ?x=1&copy=2&lt=3"),
        ("&nosuchentity;", "&nosuchentity;"),
        ("<john@example.org>", "<john@example.org>"),
    ],
)
def test_html(text, cleaned):
    assert clean("html", text) == [cleaned]


def test_html_may_leave_tags_to_a_rule():
    assert clean("html", "&lt;b&gt;x</b> &amp;", strip_tags=False) == ["<b>x</b> &"]


@pytest.mark.parametrize("lang", SENTENCES)
@pytest.mark.parametrize("encoding", ["latin-1", "sloppy-windows-1252"])
def test_mojibake_of_every_script_is_repaired(lang, encoding):
    import ftfy.bad_codecs

    ftfy.bad_codecs.ok()
    broken = SENTENCES[lang].encode().decode(encoding)
    assert broken != SENTENCES[lang]
    assert clean("mojibake", broken) == [SENTENCES[lang]]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("donâ€™t", "don’t"),
        ("ÃƒÂ©tÃƒÂ©", "été"),  # twice
        ("Ã\xa0 Paris", "à Paris"),
        # ftfy would do more if let: none of this is encoding.
        ("“quotes” and ﬁ and ＡＢ and l’&amp;", "“quotes” and ﬁ and ＡＢ and l’&amp;"),
        ("São Paulo, Ærø, “đã” ÀÉ…", "São Paulo, Ærø, “đã” ÀÉ…"),
    ],
)
def test_mojibake(text, cleaned):
    assert clean("mojibake", text) == [cleaned]
