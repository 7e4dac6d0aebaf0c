import pytest

from sealdata.readers._tags import language_of


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "eng_Latn"),
        ("EN", "eng_Latn"),
        ("en-US", "eng_Latn"),
        ("en_gb", "eng_Latn"),
        ("eng_Latn", "eng_Latn"),
        ("id", "ind_Latn"),
        ("id-ID", "ind_Latn"),
        ("fil-PH", "tgl_Latn"),
        ("ms-Latn-MY", "zsm_Latn"),
        ("ms-Arab", None),  # Jawi
        ("zh", "zho_Hans"),
        ("zh-cn", "zho_Hans"),
        ("zh-Hans-SG", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("zh-hant-hk", "zho_Hant"),
        ("zh-HK", None),  # no simplified Chinese
        ("translation", None),
        ("", None),
        ("-", None),
    ],
)
def test_language_tags(tag, code):
    assert language_of(tag) == code
