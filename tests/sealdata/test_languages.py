import pytest

from sealdata.errors import ConfigError
from sealdata.languages import find_pair, language_of_tag, languages, resolve

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
}


@pytest.mark.parametrize("code", CODES)
def test_codes_of_all_kinds_mean_the_same_everywhere(code):
    for tag in CODES[code].split():
        assert language_of_tag(tag) == code, tag
        assert resolve(tag).code == code, tag


def test_every_language_knows_its_own_codes():
    for code, language in languages().items():
        for tag in (code, language.bcp47, code.partition("_")[0] + "_" + language.script):
            assert language_of_tag(tag) == code


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "ms-Arab",
            "bug-Bugi",
            "ind_Arab",
            "th-Latn",
            "zh-Latn",
            "yue",
            "zh-yue",
            "yue_Hant",
            "nan",
            "lzh",
        ),
        *("zh-min-nan", "fr", "iw", "heb", "translation", "english", "thai", "x-id", "", "-", "_"),
        *("id id", "in.txt", "\u0e44\u0e17\u0e22"),
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
        ("en-fr", None),
        ("en", None),
        ("", None),
    ],
)
def test_pairs(text, codes):
    pair = find_pair(text)
    assert (pair and (pair[0].code, pair[1].code)) == codes
