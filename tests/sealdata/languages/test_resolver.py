import pytest

from sealdata.errors import ConfigError
from sealdata.languages import (
    find_pair,
    language_of_tag,
    languages,
    length_range,
    relatives,
    resolve,
    unicode_scripts,
)
from sealdata.text.characters import scripts

CODES = {
    "eng_Latn": "en EN eng en-US en-ID en-IN en_gb en_XX en-GB-oed eng_Latn eng-US",
    "ind_Latn": "id ID in in_ID in-ID ind ind_Latn ind_latn id-ID id_ID Id-Latn id-Latn-ID",
    "zsm_Latn": "ms msa may zsm ms_MY ms-SG msa_Latn zsm_Latn zlm ms-Latn-MY mly",
    "jav_Latn": "jv jw jav jv-ID jw_ID jav_Latn",
    "sun_Latn": "su sun su-ID",
    "tgl_Latn": "tl fil tgl tl-PH fil-PH fil_Latn tgl_Latn tl_XX",
    "vie_Latn": "vi vie vi-VN",
    "tha_Thai": "th TH tha th-TH th_TH tha_Thai th-Thai",
    "lao_Laoo": "lo lao lo-LA",
    "khm_Khmr": "km khm km-KH",
    "mya_Mymr": "my mya bur my-MM mya_Mymr",
    "tam_Taml": "ta tam ta-IN ta-LK ta-SG",
    "zho_Hans": "zh ZH zho chi cmn zh-CN zh_cn zh-SG zh-Hans zh-hans-sg cmn-Hans cmn_Hans "
    "zh-cmn-Hans zho_Hans zho-CN zh-Hani cmn_Hani zho_simpl",
    "zho_Hant": "zh-TW zh_TW zh_tw zh-HK zh-MO zh-Hant zh-hant-hk cmn-Hant cmn-TW zho_Hant "
    "zh-Hani-TW",
    "ceb_Latn": "ceb ceb-PH cx_PH",
    "min_Latn": "min min-ID",
    "kac_Latn": "kac kac-MM",
    "shn_Mymr": "shn shn_Mymr",
    "bug_Latn": "bug bug-ID bug_Latn",  # CLDR has it in Lontara, which is not here
    # Further languages, by the codes of ISO, OPUS, NTREX, XLM-R, GlotLID, FLORES-200 and FLORES+.
    "tur_Latn": "tr tur tr_TR tr-CY tur_Latn",
    "fin_Latn": "fi fin fi_FI",
    "jpn_Jpan": "ja jpn ja_JP ja-XX jpn_Jpan ja-Jpan jpn_Hira",
    "amh_Ethi": "am amh am_ET",
    "kor_Hang": "ko kor ko_KR kor_Hang kor_Kore ko-Kore",
    "yue_Hant": "yue zh-yue yue_Hant yue-HK",
    "arb_Arab": "ar ara arb ar_AR ar-EG arb_Arab ara_Arab",
    "arz_Arab": "arz arz_Arab",
    "pes_Arab": "fa fas per pes fa_IR fas_Arab pes_Arab",
    "prs_Arab": "prs prs_Arab",
    "kmr_Latn": "ku kmr kur ku_TR kmr_Latn",
    "ckb_Arab": "ckb ckb_IQ ku-Arab ckb-Arab",
    "nob_Latn": "no nb nob nor no_NO nb-NO nor_Latn",
    "srp_Cyrl": "sr srp sr_RS srp-Cyrl sr-Cyrl srp_Cyrl",
    "srp_Latn": "sh sr-Latn srp-Latn sr_Latn hbs hbs_Latn",
    "heb_Hebr": "iw he heb he_IL",
    "por_Latn": "pt por pt_br pt-BR por-BR pt_PT",
    "spa_Latn": "es spa spa-MX es_XX",
    "als_Latn": "sq als sqi alb sqi_Latn",
    "azj_Latn": "az azj aze aze-Latn aze_Latn az_AZ",
    "uzn_Latn": "uz uzn uzb uzb_Latn",
    "khk_Cyrl": "mn khk mon mn_MN mon_Cyrl",
    "swh_Latn": "sw swh swa swa_Latn sw_KE",
    "lvs_Latn": "lv lvs lav lav_Latn",
    "est_Latn": "et est ekk ekk_Latn",
    "npi_Deva": "ne npi nep nep_Deva",
    "ory_Orya": "or ory ori ory_Orya",
    "pbt_Arab": "ps pbt pus pus_Arab",
    "plt_Latn": "mg plt mlg mlg_Latn",
    "gaz_Latn": "om gaz orm",
    "ydd_Hebr": "yi ydd yid",
    "quy_Latn": "qu quy que que_Latn",
    "twi_Latn": "tw twi twi_Latn_akua1239",
    "aka_Latn": "ak aka twi_Latn_asan1239",
    "apc_Arab": "apc apc_Arab_nort3139",
    "ajp_Arab": "ajp apc_Arab_sout3123",
    "cat_Latn": "ca cat cat_Latn",
    "cat_Latn_vale1252": "cat_Latn_vale1252",
    "div_Thaa": "dv div div_Thaa",
    "nde_Latn": "nd nde",
    # In no table: by CLDR, or by the script in the code.
    "lat_Latn": "la lat",
    "abk_Cyrl": "ab abk abk_Cyrl",
    "evn_Cyrl": "evn_Cyrl evn-Cyrl",
    "src_Latn": "src_Latn",  # without a script the name of a column
}


@pytest.mark.parametrize("code", CODES)
def test_codes_of_all_kinds_mean_the_same_everywhere(code):
    for tag in CODES[code].split():
        assert language_of_tag(tag) == code, tag
        assert resolve(tag).code == code, tag


def test_every_language_knows_its_own_codes():
    for code, language in languages().items():
        assert language_of_tag(code) == code
        if code.count("_") == 1:  # varieties of FLORES+ have the tag of their language
            assert language_of_tag(language.bcp47) == code, language.bcp47


def test_no_two_languages_claim_a_code():
    claims = [alias for row in languages().values() for alias in {row.code, *row.aliases}]
    assert len(claims) == len(set(claims))


def test_names_and_tags_stand_for_one_language():
    known = languages().values()
    for kind in ("code", "name", "bcp47"):
        assert len({getattr(language, kind) for language in known}) == len(known), kind
    assert not [language for language in known if "nknown" in language.name + language.autonym]


@pytest.mark.parametrize(
    ("code", "name", "autonym", "bcp47", "direction"),
    [
        ("tur_Latn", "Turkish", "Türkçe", "tr", "ltr"),
        ("amh_Ethi", "Amharic", "አማርኛ", "am", "ltr"),
        ("arb_Arab", "Arabic", "العربية", "ar", "rtl"),
        ("swh_Latn", "Swahili", "Kiswahili", "sw", "ltr"),
        ("pes_Arab", "Persian", "فارسی", "fa", "rtl"),
        ("lvs_Latn", "Latvian", "latviešu", "lv", "ltr"),
        ("khk_Cyrl", "Mongolian", "монгол", "mn", "ltr"),
        ("srp_Latn", "Serbian (Latin)", "srpski (latinica)", "sr-Latn", "ltr"),
        ("div_Thaa", "Divehi", "Divehi", "dv", "rtl"),
        ("nqo_Nkoo", "N’Ko", "ߒߞߏ", "nqo", "rtl"),
        ("kor_Hang", "Korean", "한국어", "ko", "ltr"),
    ],
)
def test_facts_come_from_cldr(code, name, autonym, bcp47, direction):
    language = resolve(code)
    assert (language.name, language.autonym, language.bcp47) == (name, autonym, bcp47)
    assert language.direction == direction


def test_every_known_language_is_in_counted_scripts():
    for language in languages().values():
        assert set(unicode_scripts(language.script)) <= set(scripts()), language.code


def test_lengths_that_no_one_published_have_the_range_of_their_script():
    assert resolve("tur_Latn").length_factor == 0.974
    assert resolve("tah_Latn").length_factor is None
    assert length_range("Latn") == (0.767, 1.158)
    assert length_range("Jpan") == (2.267, 3.3)  # Han
    assert length_range("Cher") == (0.703, 3.3)  # of all languages


def test_what_a_language_is_taken_for_is_one_sided():
    assert relatives("bho_Deva") == ("hin_Deva", "mar_Deva", "npi_Deva")
    assert relatives("hin_Deva") == ()
    assert relatives("nno_Latn") == ("nob_Latn", "dan_Latn")
    for language in languages().values():
        for other in language.taken_for:
            assert other != language.code
            assert language_of_tag(other) == other


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "bug-Cyrl",
            "ind_Hang",
            "th-Cyrl",
            "eng_Cyrl",
            "tur_Zzzz",
            "qaa_Latn",
            "xyz_Latn",
            "evn",  # CLDR knows no script of it
        ),
        *("translation", "english", "thai", "x-id", "", "-", "_", "und", "mul", "zxx"),
        *("id id", "in.txt", "\u0e44\u0e17\u0e22", "src", "tgt", "txt", "raw", "dev", "malayic"),
    ],
)
def test_other_languages_and_what_is_no_code(tag):
    assert language_of_tag(tag) is None
    with pytest.raises(ConfigError, match="unknown language"):
        resolve(tag)


@pytest.mark.parametrize("text", ["en-id", "en-th", "th-en", "en-in", "ms-en"])
def test_a_pair_is_no_region(text):
    with pytest.raises(ConfigError, match="unknown language"):
        resolve(text)
    assert find_pair(text) is not None


@pytest.mark.parametrize("tag", ["ms-my", "th-th", "id-id", "ta-in", "my-mm", "en-us", "en-gb"])
def test_a_region_in_small_letters_is_no_pair(tag):
    assert resolve(tag).bcp47 == tag.partition("-")[0]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("en-jw", ("eng_Latn", "jav_Latn")),
        ("zh_TW-en", ("zho_Hant", "eng_Latn")),
        ("eng_Latn-zh-Hans", ("eng_Latn", "zho_Hans")),
        ("en-US-th-TH", ("eng_Latn", "tha_Thai")),
        ("en-en", None),
        ("en-fr", ("eng_Latn", "fra_Latn")),
        ("en-xx", None),
        ("en", None),
        ("", None),
    ],
)
def test_pairs(text, codes):
    pair = find_pair(text)
    assert (pair and (pair[0].code, pair[1].code)) == codes
