"""Numbers in words of multiples, in other units and currencies, in the languages that count so."""

import tomllib
import unicodedata
from importlib.resources import files

import polars as pl
import pytest

from sealdata.component import load
from sealdata.pairs import make_pairs
from sealdata.recipe.reading import read_recipe

TABLES = {
    name: tomllib.loads(files("sealdata").joinpath(f"{name}.toml").read_text("utf-8"))
    for name in ("multiples", "units")
}
LANGUAGES = files("sealdata.languages").joinpath("languages.toml")
WORDS = {
    "multiples": [
        (code, word)
        for code, table in TABLES["multiples"].items()
        for word in (*table["words"], *table.get("links", ()))
    ],
    "units": [
        (unit, word)
        for units in TABLES["units"].values()
        for unit, table in units.items()
        for word in table["words"]
    ],
}


def conflict(lang, src, tgt):
    pairs = make_pairs([(src, tgt)]).with_columns(tgt_lang=pl.lit(lang))
    return load("scorers", "numerals").score(pairs)["conflict"].item()


@pytest.mark.parametrize(
    ("lang", "src", "tgt", "expected"),
    [
        ("ind_Latn", "It costs Rp500,000.", "Harganya Rp500 ribu.", 0.0),
        ("ind_Latn", "It costs Rp500,000.", "Harganya Rp500rb.", 0.0),
        ("ind_Latn", "It costs Rp50,000.", "Harganya Rp500 ribu.", 1.0),
        ("ind_Latn", "1.4 million people", "1,4 juta orang", 0.0),
        ("ind_Latn", "1,400,000 people", "1,4 juta orang", 0.0),
        ("ind_Latn", "28 billion", "28.000 juta", 0.0),
        ("ind_Latn", "1.5 trillion rupiah", "Rp1.500 miliar", 0.0),
        ("ind_Latn", "2,500,000", "2 juta 500 ribu", 0.0),
        ("ind_Latn", "3 dozen eggs", "36 butir telur", 0.0),
        ("zsm_Latn", "RM2.3 billion", "RM2,300 juta", 0.0),
        ("jav_Latn", "5,000 people", "5 ewu wong", 0.0),
        ("sun_Latn", "5,000 people", "5 rébu jalma", 0.0),
        ("tgl_Latn", "5,000 people", "5 libong tao", 0.0),
        ("tgl_Latn", "3,000,000 pesos", "3 milyong piso", 0.0),
        ("ceb_Latn", "5,000 people", "5 ka libo ka tawo", 0.0),
        ("vie_Latn", "28 billion", "28 tỷ", 0.0),
        ("vie_Latn", "2,300,000 people", "2,3 triệu người", 0.0),
        ("vie_Latn", "2,350,000", "2 triệu 350 nghìn", 0.0),
        ("vie_Latn", "50,000 soldiers", "5 vạn quân", 0.0),
        ("tha_Thai", "28 billion baht", "28,000 ล้านบาท", 0.0),
        ("tha_Thai", "20,000 people", "2 หมื่นคน", 0.0),
        ("tha_Thai", "350 billion", "3.5 แสนล้าน", 0.0),
        ("tha_Thai", "2,500,000", "2 ล้าน 5 แสน", 0.0),
        ("lao_Laoo", "5 billion kip", "5 ຕື້ ກີບ", 0.0),
        ("lao_Laoo", "20,000 people", "2 ໝື່ນຄົນ", 0.0),
        ("khm_Khmr", "10,000 people", "១ ម៉ឺននាក់", 0.0),
        ("khm_Khmr", "35,000", "៣ ម៉ឺន ៥ ពាន់", 0.0),
        ("khm_Khmr", "10 million", "១០ លាន", 0.0),
        ("mya_Mymr", "300,000 people", "လူ ၃ သိန်း", 0.0),
        ("mya_Mymr", "300,000 people", "လူ သိန်း ၃", 0.0),
        ("mya_Mymr", "50 million dollars", "ဒေါ်လာ သန်း ၅၀", 0.0),
        ("mya_Mymr", "200 million dollars", "ဒေါ်လာ သန်းပေါင်း ၂၀၀", 0.0),
        ("mya_Mymr", "250,000", "၂ သိန်း ၅ သောင်း", 0.0),
        ("mya_Mymr", "5,000 people", "လူ ၅ ထောင်", 0.0),
        ("mya_Mymr", "400,000", "သိန်း ၃", 1.0),
        ("tam_Taml", "100,000 people", "1 லட்சம் பேர்", 0.0),
        ("tam_Taml", "50,000 people", "50 ஆயிரம் பேர்", 0.0),
        ("tam_Taml", "20,000,000 rupees", "2 கோடி ரூபாய்", 0.0),
        ("tam_Taml", "3 million", "30 லட்சம்", 0.0),
        ("tam_Taml", "1.5 crore", "1 கோடியே 50 லட்சம்", 0.0),
        ("mya_Mymr", "15 million", "၁ ကုဋေ ၅၀ သိန်း", 0.0),
        ("zho_Hans", "About US$50 billion in 2020", "2020年约500亿美元", 0.0),
        ("zho_Hans", "About 60 billion", "约500亿美元", 1.0),
        ("zho_Hans", "120 million", "1亿2000万", 0.0),
        ("zho_Hans", "12,345", "1万2345", 0.0),
        ("zho_Hant", "1.5 trillion", "1.5兆", 0.0),
        ("zho_Hans", "2 million since the late 1930s", "自20 世纪 30 年代末以来达200万", 0.0),
        ("kor_Hang", "50,000 won", "5만 원", 0.0),
        ("kor_Hang", "32,000", "3만 2천", 0.0),
        ("kor_Hang", "120 million", "1억 2천만", 0.0),
        ("jpn_Jpan", "50 million", "5000万", 0.0),
        ("arb_Arab", "5,000 people", "5 آلاف شخص", 0.0),
        ("arb_Arab", "25,000", "25 ألف", 0.0),
        ("arb_Arab", "3.5 million", "٣٫٥ مليون", 0.0),
        ("arb_Arab", "1,234,567", "١٬٢٣٤٬٥٦٧", 0.0),
        ("hin_Deva", "500,000", "5 लाख", 0.0),
        ("hin_Deva", "12 million", "1.2 करोड़", 0.0),
        ("hin_Deva", "12 lakh", "1.2 मिलियन", 0.0),
        ("xyz_Latn", "5,000", "5 ribu", 0.0),
        ("swh_Latn", "10,000", "elfu 10", 0.0),
        ("por_Latn", "5,000", "5 mil", 0.0),
        ("tha_Thai", "In 2018, 5 million baht", "ปี พ.ศ. 2561 5,000,000 บาท", 0.0),
        ("zho_Hans", "The genome has 26 to 32 kilobases.", "基因组含 2.6 至 3.2 万个碱基", 0.0),
        ("zho_Hans", "a $300+ billion impact", "3,000 多亿美元", 0.0),
        ("tha_Thai", "I will go to sleep at 11.00.", "นอน ๕ ทุ่มครับ", 0.0),
        ("tha_Thai", "300 million", "300 กว่าล้าน", 0.0),
        ("ind_Latn", "5 to 10 million", "5.000.000 hingga 10.000.000", 0.0),
    ],
)
def test_multiples_of_each_language_are_written_out(lang, src, tgt, expected):
    assert conflict(lang, src, tgt) == expected


@pytest.mark.parametrize(
    ("lang", "src", "tgt", "expected"),
    [
        ("ind_Latn", "6 feet tall", "tinggi 1,8 meter", 0.0),
        ("ind_Latn", "60 miles", "97 kilometer", 0.0),
        ("ind_Latn", "60 miles", "150 kilometer", 1.0),
        ("ind_Latn", "It costs $5.", "Harganya Rp70.000.", 0.0),
        ("ind_Latn", "It costs $5.", "Harganya $7.", 1.0),
        ("tha_Thai", "70°F", "21 องศาเซลเซียส", 0.0),
        ("vie_Latn", "150 pounds", "68 kg", 0.0),
        ("vie_Latn", "150 pounds", "80 kg", 1.0),
        ("vie_Latn", "500 square feet", "46 mét vuông", 0.0),
        ("zho_Hans", "5 to 6 feet", "1.5至1.8米", 0.0),
        ("zho_Hans", "20 miles", "32公里", 0.0),
        ("mya_Mymr", "6 feet", "၁.၈ မီတာ", 0.0),
        ("mya_Mymr", "$100", "ကျပ် ၂၁၀၀၀၀", 0.0),
        ("tam_Taml", "10 acres", "4 ஹெக்டேர்", 0.0),
        ("ind_Latn", "a 10-foot wall", "tembok 3 meter", 0.0),
        ("khm_Khmr", "$20 a day", "៨០០០០ រៀល ក្នុងមួយថ្ងៃ", 0.0),
        ("ind_Latn", "2 meters (6 feet)", "3 meter (7 kaki)", 1.0),
        ("ind_Latn", "6 feet of 40", "2 meter dari 41", 0.5),  # 6 feet are 2 metres, 40 is not 41
        ("ind_Latn", "20 miles and 30 miles", "32 km dan 48 km", 0.0),
        ("ind_Latn", "20 miles and 30 miles", "32 km dan 32 km", 0.5),  # each number once
        ("ind_Latn", "It costs $5.", "Harganya 70.000.", 1.0),  # no currency: another number
        ("ind_Latn", "It weighs 7 kg.", "Panjangnya 5,3 meter.", 1.0),
        ("ind_Latn", "2 degrees Celsius warmer", "3,6 °F lebih hangat", 0.0),
        ("ind_Latn", "It is 100 °F.", "Suhunya 20 °C.", 1.0),
    ],
)
def test_numbers_beside_units(lang, src, tgt, expected):
    assert conflict(lang, src, tgt) == pytest.approx(expected)


def test_every_language_has_its_words_and_the_words_are_as_cleaned_text_has_them():
    described = tomllib.loads(LANGUAGES.read_text("utf-8"))
    assert set(described) <= set(TABLES["multiples"])
    recipe, _ = read_recipe("openseal")
    for name, pairs in WORDS.items():
        words = pl.Series([unicodedata.normalize("NFC", word) for _, word in pairs])
        for cleaner in recipe.clean:
            cleaned = load("cleaners", cleaner).clean(words)
            assert words.filter(cleaned != words).to_list() == [], (name, cleaner)
        # A word stands once in a table; its key is folded where case does not count.
        assert len({(key, word.casefold()) for key, word in pairs}) >= len(pairs) - 8


def test_numbers_of_any_length_are_read():
    assert conflict("ind_Latn", "9" * 5000, "8" * 5000 + " juta") == 1
    assert conflict("ind_Latn", "5 million and " + "9" * 5000, "5 juta " + "8" * 5000) == 0.5
    assert conflict("ind_Latn", f"{'9' * 400} feet", f"{'8' * 400} meter") == 1


def test_a_language_without_words_of_its_own_has_those_of_its_script():
    assert conflict("mad_Latn", "5,000 people", "5 ribu orang") == 0
    assert conflict("mad_Latn", "5,000 people", "5 พัน คน") == 1
    assert conflict("nod_Thai", "5,000 people", "5 พันคน") == 0
