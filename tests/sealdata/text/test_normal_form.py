"""The fast way to a normal form gives what the plain one gives, on all of Unicode."""

import unicodedata

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.kernels import texts_of
from sealdata.kernels.casefold_nfkc import fold_texts
from sealdata.text.normal_form import fold_table, folded, plain
from sealdata.text.vietnamese import unify_tones


def expected(texts):
    unified = unify_tones(pl.Series("text", texts, dtype=pl.String))
    return unified.to_frame().select(plain(pl.col("text")))


def check(texts):
    series = pl.Series("text", texts, dtype=pl.String)
    assert folded(series).to_list() == expected(series)["text"].to_list()


def test_every_code_point_alone_and_beside_letters():
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for texts in (every, [f"a{char}ก" for char in every]):
        series = pl.Series("text", texts)
        assert folded(series).equals(expected(series)["text"])


def test_most_texts_need_no_second_look():
    texts = [
        "The old school by the river.",
        "Tiếng Việt có dấu: ĐƯỜNG.",
        "โรงเรียนเก่าริมแม่น้ำ",
        "ໂຮງຮຽນເກົ່າແຄມແມ່ນ້ຳ",
        "សាលារៀនចាស់នៅមាត់ទន្លេ។",
        "မြစ်ဘေးက ကျောင်းဟောင်း။",
        "ஆற்றங்கரையில் உள்ள பழைய பள்ளி",
        "河边的老学校，关闭了３天。",
        "한국어 문장",
    ]
    *_, unsure = fold_texts(*texts_of(pl.Series(texts)), *fold_table())
    assert not unsure.any()
    decomposed = [unicodedata.normalize("NFD", text) for text in (texts[1], texts[8])]
    *_, unsure = fold_texts(*texts_of(pl.Series(decomposed)), *fold_table())
    assert unsure.all()


# What composes, reorders, expands or disappears: marks of all classes, jamo, half and full width.
LIVELY = (
    "aAeEoOuUyYıİßΣσςῼΑΩΆ=<òóỏõọÒÓỎÕỌùúủũụÙÚỦŨỤ"
    + "".join(map(chr, range(0x300, 0x330)))
    + "\u0338\u0345\u031b\u0323"
    "กขำฺุู่้ํา"
    "ກຂຳຸູ່້ໍໜໝ"
    "កខ្៉៊់៎"
    "ကခဦံ့္်"
    "கொோெோௗஒ"
    "कक़़ि्ড়়"
    "ᄀ가각ᅡᆨᆩ한ﾡﾃﾞﾟデ"
    "ﬁ①½ｱ㈱ﷺﷻ℃Å𝟎𝐀𑂚𑂚"
    "\u200b\u00ad \u3000.!?。។#😀\u2000\u0344\u1e9b\ufb1d"
)
TEXTS = st.text(st.sampled_from(LIVELY) | st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=300)
@given(texts=st.lists(TEXTS | st.none(), min_size=1, max_size=12))
def test_mixed_texts(texts):
    check(texts)


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8), form=st.sampled_from(["NFD", "NFKD", "NFC"]))
def test_texts_in_other_forms(texts, form):
    check([unicodedata.normalize(form, text) for text in texts])


def test_the_tone_of_two_vowels():
    toned = [
        unicodedata.normalize("NFC", v + t)
        for v in "oOuU"
        for t in "\u0300\u0301\u0303\u0309\u0323"
    ]
    texts = [f"h{one}{other}n" for one in toned for other in "aAeEyYiơ"]
    check(texts)
    check([unicodedata.normalize("NFD", text) for text in texts])
    assert len({*folded(pl.Series(["hòa", "hoà", "HÒA", "ho\u0300a"]))}) == 1
    assert folded(pl.Series(["hùa", "huà"])).n_unique() == 2  # no such pair: ua is spelled one way


def test_any_two_that_may_affect_each_other():
    marks = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]
    some = {unicodedata.combining(mark): mark for mark in marks}.values()
    check([f"e{one}{other}" for one in marks for other in some])
    jamo = [*"ᄀ하ᅵᆨᇂ가각힣", *"கெொாௗဦ"]
    check([one + other + third for one in jamo for other in jamo for third in jamo])
