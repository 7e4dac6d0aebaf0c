"""What the labels of the released models mean, trap by trap."""

import pytest

from sealdata.languages import confusable_sets, languages, relatives
from sealdata.lid.labels import Labels


def words(text: str) -> list[str]:
    return text.split()


LID176 = words("en id jv su ms tl vi th lo km my ta zh ja yue ceb ilo war min pam")
LID218E = words("""eng_Latn ind_Latn zsm_Latn jav_Latn sun_Latn min_Latn min_Arab bjn_Latn bjn_Arab
    tgl_Latn ceb_Latn war_Latn ilo_Latn tha_Thai lao_Laoo khm_Khmr mya_Mymr shn_Mymr kac_Latn
    tam_Taml zho_Hans zho_Hant yue_Hant vie_Latn""")
ISO3 = words("eng ind msa jav tgl vie tha lao khm mya tam zho deu jpn")
OTHERS = words("EN ind-Latn zh-TW zh-Hans yue may jw fil bur chi english ms-Arab zho_Latn de")
GLOTLID = words("""eng_Latn ind_Latn zsm_Latn fil_Latn ceb_Latn cmn_Hani yue_Hani tha_Thai nod_Thai
    lao_Laoo mya_Mymr shn_Mymr""")


def meant(labels: list[str], lang: str, confusable: bool = False) -> list[str]:
    known = Labels(tuple(labels))
    mask = known.set_mask(lang) if confusable else known.mask(lang)
    return [label for label, yes in zip(labels, mask, strict=True) if yes]


@pytest.mark.parametrize(
    ("labels", "lang", "expected"),
    [
        (LID176, "zsm_Latn", ["ms"]),
        (LID176, "tgl_Latn", ["tl"]),
        (LID176, "zho_Hans", ["zh"]),
        (LID176, "zho_Hant", ["zh"]),
        (LID176, "yue_Hant", ["yue"]),
        (LID176, "bjn_Latn", []),
        (LID218E, "tgl_Latn", ["tgl_Latn"]),
        (LID218E, "min_Latn", ["min_Latn"]),  # not min_Arab
        (LID218E, "zho_Hant", ["zho_Hant"]),
        (LID218E, "pag_Latn", []),
        (GLOTLID, "tgl_Latn", ["fil_Latn"]),
        (GLOTLID, "zho_Hans", ["cmn_Hani"]),
        (GLOTLID, "zho_Hant", ["cmn_Hani"]),
        (["msa_Latn", "eng_Latn"], "zsm_Latn", ["msa_Latn"]),
        (ISO3, "eng_Latn", ["eng"]),
        (ISO3, "zsm_Latn", ["msa"]),
        (ISO3, "tha_Thai", ["tha"]),
        (ISO3, "zho_Hant", ["zho"]),
        (ISO3, "ace_Latn", []),
        (OTHERS, "eng_Latn", ["EN", "english"]),
        (OTHERS, "ind_Latn", ["ind-Latn"]),
        (OTHERS, "jav_Latn", ["jw"]),
        (OTHERS, "zsm_Latn", ["may"]),  # not ms-Arab
        (OTHERS, "tgl_Latn", ["fil"]),
        (OTHERS, "mya_Mymr", ["bur"]),
        (OTHERS, "zho_Hans", ["zh-Hans", "chi"]),  # not zho_Latn, which is pinyin
        (OTHERS, "zho_Hant", ["zh-TW", "chi"]),
    ],
)
def test_the_labels_of_a_language(labels: list[str], lang: str, expected: list[str]) -> None:
    assert meant(labels, lang) == expected


@pytest.mark.parametrize(
    ("labels", "lang", "expected"),
    [
        (LID176, "bjn_Latn", ["id", "jv", "su", "ms", "min"]),
        (LID176, "tha_Thai", ["th"]),  # Lao has letters of its own
        (LID176, "zho_Hant", ["zh", "yue"]),
        (LID176, "vie_Latn", ["vi"]),
        (LID218E, "mya_Mymr", ["mya_Mymr", "shn_Mymr"]),
        (LID218E, "kac_Latn", ["kac_Latn"]),
        (GLOTLID, "tgl_Latn", ["fil_Latn", "ceb_Latn"]),
    ],
)
def test_the_labels_of_a_set(labels: list[str], lang: str, expected: list[str]) -> None:
    assert meant(labels, lang, confusable=True) == expected


def test_labels_as_languages() -> None:
    codes = dict(zip(LID176, Labels(tuple(LID176)).codes(), strict=True))
    assert [codes[label] for label in ("tl", "ms", "zh", "ja")] == [
        "tgl_Latn",
        "zsm_Latn",
        "zho_Hans",
        "jpn_Jpan",
    ]
    codes = dict(zip(GLOTLID, Labels(tuple(GLOTLID)).codes(), strict=True))
    assert [codes[label] for label in ("fil_Latn", "cmn_Hani", "nod_Thai")] == [
        "tgl_Latn",
        "zho_Hans",
        "nod_Thai",
    ]


@pytest.mark.parametrize(
    ("labels", "alone"),
    [
        (
            LID176,
            {"Thai": "th", "Laoo": "lo", "Khmr": "km", "Mymr": "my", "Taml": "ta"}
            | {"Hira": "ja", "Kana": "ja"},
        ),
        (
            LID218E,
            {s: next(x for x in LID218E if s in x) for s in ("Thai", "Laoo", "Khmr", "Taml")},
        ),
        (GLOTLID, {"Laoo": "lao_Laoo"}),
        (["en", "th"], {"Thai": "th"}),
        (["en", "tha", "nod", "mya", "ksw"], {}),  # Northern Thai, Karen
        (["eng", "lao", "zho", "mul_Latn"], {"Laoo": "lao"}),  # is Japanese written in Han, too?
        (["eng_Latn", "zho_Hans"], {"Latn": "eng_Latn", "Hani": "zho_Hans"}),
    ],
)
def test_scripts_of_one_label(labels: list[str], alone: dict[str, str]) -> None:
    only = Labels(tuple(labels)).only_label
    assert {script: labels[n] for script, n in only.items()} == alone


def test_a_language_is_in_one_set() -> None:
    members = [code for codes in confusable_sets().values() for code in codes]
    assert len(members) == len(set(members))
    assert set(members) <= set(languages())
    assert relatives("jav_Latn") == (
        "ind_Latn",
        "zsm_Latn",
        "sun_Latn",
        "min_Latn",
        "bjn_Latn",
    )


def test_languages_without_a_label_are_listed() -> None:
    declared = ["eng_Latn", "ace_Latn", "bjn_Latn", "zho_Hant", "shn_Mymr"]
    assert Labels(tuple(LID176)).missing(declared) == ["ace_Latn", "bjn_Latn", "shn_Mymr"]
    assert Labels(("x", "y")).missing(declared) == declared
