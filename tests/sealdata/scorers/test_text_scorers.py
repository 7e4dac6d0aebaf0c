"""Scorers that look at the text alone: tables of real sentences and what they must score."""

import math

import polars as pl
import pytest

from sealdata.component import load
from sealdata.languages import languages
from sealdata.pairs import make_pairs


def score(name, src, tgt, lang="ind_Latn", **options):
    return load("scorers", name, options).score(make_pairs([(src, tgt)], tgt_lang=lang)).row(0)


def test_length_counts_code_points():
    assert score("length", "naïve 😀", "น้ำ", "tha_Thai") == (7, 3)
    assert score("length", "", "") == (0, 0)


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "ratio"),
    [
        ("x" * 10, "x" * 10, "epo_Latn", 1.0),
        ("x" * 30, "字" * 10, "zho_Hans", 33 / 30),
        (
            "x" * 30,
            "字" * 5 + "WHO 2020 ab",
            "zho_Hans",
            (7 * 3.3 + 9) / 30,
        ),  # as they are
        ("x" * 30, "x" * 30, "ind_Latn", 1 / 0.919),  # Latin is its own script
        ("x" * 100, "ก" * 50, "tha_Thai", 100 / 55),
        ("x" * 10, "x" * 40, "tgl_Latn", 3.172),
        ("", "x" * 40, "epo_Latn", 40.0),
        ("", "", "epo_Latn", 1.0),
        # Tahitian has no factor: the one of Latin script, 0.767 to 1.158, that suits the pair best.
        ("x" * 100, "x" * 100, "tah_Latn", 1.0),
        ("x" * 100, "x" * 50, "tah_Latn", 100 / (50 * 1.158)),
        ("x" * 50, "x" * 100, "tah_Latn", 100 * 0.767 / 50),
        ("x" * 30, "日本語のテキスト" * 2, "jpn_Jpan", 16 * 2.267 / 30),
    ],
)
def test_ratio(src, tgt, lang, ratio):
    assert score("ratio", src, tgt, lang) == pytest.approx((ratio,))


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "deviation"),
    [
        ("x" * 40, "x" * 40, "epo_Latn", 0.0),
        ("x" * 100, "x" * 50, "epo_Latn", math.log(2) / math.sqrt(0.0225 + 1.21 / 100)),
        ("x" * 50, "x" * 100, "epo_Latn", -math.log(2) / math.sqrt(0.0225 + 1.21 / 100)),
        ("x" * 20, "x" * 10, "epo_Latn", math.log(2) / math.sqrt(0.0225 + 1.21 / 20)),
        ("x" * 100, "x" * 100, "tah_Latn", 0.0),
        ("x" * 100, "x" * 50, "tah_Latn", math.log(100 / 57.9) / math.sqrt(0.0225 + 1.21 / 100)),
        ("", "", "tha_Thai", math.log(1 / 1.1) / math.sqrt(0.0225 + 1.21 / 1.1)),
    ],
)
def test_balance_allows_more_to_short_text(src, tgt, lang, deviation):
    assert score("balance", src, tgt, lang) == pytest.approx((deviation,))


def test_length_factors_are_those_of_the_source_but_where_the_file_says_otherwise():
    factors = {code: row.length_factor for code, row in languages().items()}
    published = {
        "mya_Mymr": 0.805,
        "vie_Latn": 0.949,
        "ind_Latn": 0.919,
        "zsm_Latn": 0.891,
        "tgl_Latn": 0.793,
    }
    published |= {"jav_Latn": 0.961, "sun_Latn": 0.955, "ceb_Latn": 0.834, "eng_Latn": 1.0}
    assert factors.items() >= published.items()


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "shares"),
    [
        ("Hello.", "สวัสดีครับ 5", "tha_Thai", (1.0, 1.0)),
        ("Hello.", "ສະບາຍດີ", "tha_Thai", (1.0, 0.0)),
        ("สวัสดี", "Hello", "lao_Laoo", (0.0, 0.0)),
        ("A virus.", "ไวรัส SARS", "tha_Thai", (1.0, 5 / 9)),
        ("Hi", "中文字 a", "zho_Hans", (1.0, 0.75)),
        ("Hi", "中文字 a", "zho_Hant", (1.0, 0.75)),
        ("e\u0301te\u0301", "តើ", "khm_Khmr", (1.0, 1.0)),  # combining accents are of no script
        ("42!", "៤២", "khm_Khmr", (None, None)),
        ("", "\u0301", "ind_Latn", (None, None)),
    ],
)
def test_script(src, tgt, lang, shares):
    assert score("script", src, tgt, lang) == pytest.approx(shares)


def test_script_of_each_row_by_its_own_language():
    pairs = pl.concat(
        [make_pairs([("a", "ກ")], tgt_lang=lang) for lang in ("lao_Laoo", "tha_Thai")]
    )
    assert load("scorers", "script").score(pairs)["tgt_share"].to_list() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("src", "tgt", "agreement", "conflict"),
    [
        ("In 2020, 45 people came.", "Pada 2020, 45 orang datang.", 1.0, 0.0),
        ("In 2020, 45 people came.", "Pada 2020, 54 orang datang.", 0.5, 0.5),
        ("It costs 1,500 yen.", "ราคา ๑,๕๐๐ เยน", 1.0, 0.0),
        ("It costs 1,500 yen.", "ราคา ๑๕,๐๐๐ เยน", 0.0, 1.0),
        ("On 3 May at 7:45", "៣ ឧសភា ម៉ោង ៧.៤៥", 1.0, 0.0),
        ("At 07:05 on 06 May", "Pukul 7.05 tanggal 6 Mei", 1.0, 0.0),
        ("3.5 million", "3,5 juta", 1.0, 0.0),
        ("90,053 cases, 12,34,567 in all", "၉၀၀၅၃ ... ၁၂၃၄၅၆၇", 1.0, 0.0),
        ("1,234,567", "1.234.567", 1.0, 0.0),
        ("12,3,456", "123456", 0.0, 1.0),  # a group of one digit: three numbers
        ("1,234,567", "1\u202f234\u202f567", 1.0, 0.0),
        ("5,000 homes", "5 000 rumah", 1.0, 0.0),  # a space that may part thousands
        ("in 2019 300 came", "tahun 2019 300 datang", 1.0, 0.0),  # or two numbers
        ("room 19 300 seats", "ruang 19 dengan 300 kursi", 1.0, 0.0),
        ("２０２０年", "2020", 1.0, 0.0),
        ("5 cats and 5 dogs", "5 kucing", 0.5, 0.0),
        ("10 o'clock", "jam sepuluh", 0.0, None),
        ("ten o'clock", "jam 10", 0.0, None),
        ("0 and 00", "0 dan 0", 1.0, 0.0),
        ("no numbers", "tanpa angka", None, None),
        ("x² and Ⅷ", "五", None, None),  # superscripts and numerals that are no decimal digits
        ("", "", None, None),
    ],
)
def test_numerals(src, tgt, agreement, conflict):
    assert score("numerals", src, tgt) == pytest.approx((agreement, conflict))
    assert score("numerals", tgt, src) == pytest.approx((agreement, conflict))


@pytest.mark.parametrize(
    ("src", "tgt", "agreement", "conflict"),
    [
        ("About US$50 billion in 2020", "2020年约500亿美元", 1.0, 0.0),
        ("About 60 billion", "约500亿美元", 0.0, 1.0),
        ("32,000 bases, 1.4 Billion people", "3.2 万个碱基，14亿人", 1.0, 0.0),
        ("2 million since the late 1930s", "自20 世纪 30 年代末以来达200万", 1.0, 0.0),
        ("1.5 trillion", "1.5万亿", 1.0, 0.0),
        ("30 million", "3千万", 1.0, 0.0),
        ("5 million", "5 juta", 1.0, 0.0),
    ],
)
def test_chinese_multiples_are_numbers(src, tgt, agreement, conflict):
    assert score("numerals", src, tgt, "zho_Hans") == pytest.approx((agreement, conflict))


@pytest.mark.parametrize(
    ("src", "tgt", "agreement", "conflict"),
    [
        ("He won in 2018.", "เขาชนะในปี พ.ศ. 2561", 1.0, 0.0),
        ("He won in 2018.", "เขาชนะในปี พ.ศ. ๒๕๖๑", 1.0, 0.0),
        ("From 1999 to 2018", "ແຕ່ ພ.ສ. 2542 ຫາ 2561", 1.0, 0.0),
        ("He won in 2018.", "เขาชนะในปี พ.ศ. 2562", 0.0, 1.0),  # another year
        ("Room 2018, not 2561", "ห้อง 2018 ไม่ใช่ 2561", 1.0, 0.0),
        ("It shut at 10:08 p.m. on Monday", "ปิดเวลา 22.08 น. ของวันจันทร์", 1.0, 0.0),
        ("Open 9 am to 3pm", "Mở cửa từ 9 giờ đến 15 giờ", 1.0, 0.0),
        ("It begins at 12 p.m.", "Dimulai pukul 12", 1.0, 0.0),
        ("It begins at 3 p.m.", "Dimulai pukul 3 sore", 1.0, 0.0),
        ("It begins at 3 p.m.", "Dimulai pukul 16.00", 0.0, 1.0),
        ("10.3 pm of it", "10,15 pm", 0.5, 0.5),  # a picometre is no hour
    ],
)
def test_years_and_hours_agree_with_those_of_another_calendar_and_clock(
    src, tgt, agreement, conflict
):
    assert score("numerals", src, tgt) == pytest.approx((agreement, conflict))


def test_numerals_keep_to_their_rows():
    rows = [("a", "b"), ("1", "1"), ("", ""), ("2 3", "3"), ("x", "4")]
    scores = load("scorers", "numerals").score(make_pairs(rows))
    assert scores["agreement"].to_list() == [None, 1.0, None, 0.5, 0.0]
    assert scores["conflict"].to_list() == [None, 0.0, None, 0.0, None]


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "overlap"),
    [
        ("There is no school.", "There is no school.", "ind_Latn", 1.0),
        ("There is no school.", " there  IS no\u00a0school. ", "tha_Thai", 1.0),
        ("There is no school today.", "There is no school now.", "ind_Latn", 3 / 4),
        ("THERE IS NO SCHOOL.", "There is no school.", "ind_Latn", 1.0),  # capitals on one side
        ("Amanda K, Amy V and the rest of us", "Amanda K, Amy V dan kita", "zsm_Latn", 0),
        ("Amanda K, Amy V and Bryan J.", "Amanda K, Amy V dan Bryan J.", "ind_Latn", 6 / 7),
        ("Terms And Conditions", "Terms And Conditions", "ind_Latn", 1.0),  # nothing but capitals
        ("see https://a.org/b or call 5", "lihat https://a.org/b atau 5", "zsm_Latn", 0),
        ("Mr Tanaka lives in Tokyo.", "Pak Tanaka tinggal di Tokyo.", "ind_Latn", 2 / 5),
        ("Ho Chi Minh City", "Thành phố Hồ Chí Minh", "vie_Latn", 1 / 5),
        ("Kuala Lumpur", "Kuala Lumpur", "zsm_Latn", None),
        ("COVID-19 spreads fast.", "COVID-19 ແຜ່ລາມໄວ", "lao_Laoo", 1 / 3),
        ("", "", "ind_Latn", None),
    ],
)
def test_copy(src, tgt, lang, overlap):
    assert score("copy", src, tgt, lang) == (pytest.approx(overlap),)


def test_copy_with_another_number_of_words():
    assert score("copy", "Kuala Lumpur", "Kuala Lumpur", min_words=2) == (1.0,)


SENTENCE = "The old school by the river was closed for three days."


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (SENTENCE, 0.0),
        (f"{SENTENCE} {SENTENCE}", 55 / 111),
        ("the price of rice " * 3 + "has risen in the village", 36 / 78),
        ("ราคาข้าวแพงขึ้น" * 4, 0.75),
        ("ha" * 50, 0.98),
        ("!" * 100, 0.99),
        ("anak-anak bermain di laut", 0.0),  # reduplication is grammar
        ("kupu-kupu dan undang-undang itu", 0.0),
        ("the old man and the old woman", 0.0),
        ("", 0.0),
        ("a", 0.0),
    ],
)
def test_repetition(text, share):
    assert score("repetition", text, SENTENCE) == pytest.approx((share, 0.0), abs=0.02)
    assert score("repetition", SENTENCE, text) == pytest.approx((0.0, share), abs=0.02)


def test_repetition_of_short_units_with_a_shorter_ngram():
    assert score("repetition", "anak-anak", "x", ngram=4)[0] > 0.4


def test_a_text_repeats_itself_not_its_neighbours():
    rows = [(SENTENCE, SENTENCE)] * 300 + [(f"{SENTENCE} {SENTENCE}", "")] * 2
    shares = load("scorers", "repetition").score(make_pairs(rows))["src_share"]
    assert shares[:300].to_list() == [0.0] * 300
    assert shares[300:].to_list() == [pytest.approx(0.5, abs=0.01)] * 2


def test_stored_scores_pass_through():
    pairs = make_pairs([("a", "b"), ("c", "d")]).with_columns(
        stored_margin=pl.Series([1.25, None], dtype=pl.Float32),
        stored_tgt_lid=pl.Series([None, 0.5], dtype=pl.Float32),
    )
    assert load("scorers", "stored").score(pairs).rows() == [(1.25, None, None), (None, None, 0.5)]
