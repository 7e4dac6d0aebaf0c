"""Words: by white space or by ICU, never by white space in a script that writes none."""

import pytest

from sealdata.text import words as module
from sealdata.text.words import num_graphemes, words, words_by

pytest.importorskip("icu4py")


def cut(text: str, lang: str) -> list[str]:
    found = words([text], lang)
    assert found is not None
    return [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)]


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("eng_Latn", "The boat is here.", ["The", "boat", "is", "here."]),
        ("vie_Latn", "Chuyến phà khởi hành", ["Chuyến", "phà", "khởi", "hành"]),
        ("tha_Thai", "นักดับเพลิงจากสี่เมือง 3", ["นัก", "ดับ", "เพลิง", "จาก", "สี่", "เมือง", "3"]),
        ("lao_Laoo", "ນັກດັບເພີງຈາກສີ່ເມືອງ.", ["ນັກ", "ດັບ", "ເພີງ", "ຈາກ", "ສີ່", "ເມືອງ"]),
        ("khm_Khmr", "ពេញមួយយប់។", ["ពេញ", "មួយ", "យប់"]),
        ("mya_Mymr", "ကြိုးပမ်းခဲ့ကြသည်။", ["ကြိုးပမ်း", "ခဲ့", "ကြ", "သည်"]),
        ("zho_Hans", "来自四个镇的消防员，", ["来自", "四", "个", "镇", "的", "消防员"]),
        ("zho_Hans", "", []),
    ],
)
def test_words_of_each_script(lang: str, text: str, expected: list[str]) -> None:
    assert cut(text, lang) == expected


def test_texts_lie_end_to_end() -> None:
    found = words(["a b", "", "\U0001f9ff c"], "eng_Latn")
    assert found is not None
    assert found.starts.tolist() == [0, 2, 5, 7]
    assert found.ends.tolist() == [1, 3, 6, 8]


def test_who_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert words_by("ind_Latn") == "white space"
    assert words_by("tha_Thai").startswith("ICU 7")
    monkeypatch.setattr(module, "_icu_version", lambda: None)
    assert words_by("tha_Thai") == "none: pip install 'sealdata[segment]'"
    assert words(["ใช่ ค่ะ"], "tha_Thai") is None
    assert words_by("ind_Latn") == "white space"


def test_graphemes() -> None:
    assert num_graphemes(["นั่ง", "\U0001f469\u200d\U0001f52c", "e\u0301", ""]) == 2 + 1 + 1
