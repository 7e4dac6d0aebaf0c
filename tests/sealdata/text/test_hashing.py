"""Keys: what counts as the same text, in every script, and what never does."""

import unicodedata

import polars as pl
import pytest

from sealdata.text.hashing import key_hashes, mix, text_key


def keys(*texts: str) -> list[str]:
    return pl.DataFrame({"t": texts}).select(text_key("t")).to_series().to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, world!", "hello  WORLD"),
        ("Trường học", "TRƯỜNG HỌC"),
        ("Trường học", "Trường học"),  # NFC against NFD
        ("ฉันไปตลาด", "ฉัน ไป ตลาด"),
        ("ខ្ញុំទៅផ្សារ", "ខ្ញុំ\u200bទៅ\u200bផ្សារ"),  # zero-width spaces
        ("“Why?”", "why"),
        ("１２３", "123"),  # full-width digits
        ("soft\u00adhyphen\r", "softhyphen"),
    ],
)
def test_same(one, other):
    first, second = keys(one, other)
    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ma", "má"),  # tones are letters' business
        ("mả", "mã"),
        ("ขาว", "ข้าว"),  # white, rice
        ("ໃກ້", "ໄກ"),  # near, far
        ("កា", "កី"),
        ("ကာ", "ကား"),
        ("கல்", "கால்"),
        ("5 dollars", "7 dollars"),  # digits are not folded
        ("?!", "..."),
    ],
)
def test_different(one, other):
    first, second = keys(one, other)
    assert first != second


def test_hashes_are_the_same_on_every_machine_and_release():
    # Golden values from the reference implementation of XXH3-64.
    frame = pl.DataFrame({"src": ["Hello!", "ข้าว"], "tgt": ["", "123"]})
    hashes = key_hashes(frame, ["src", "tgt"])
    assert hashes["src"].to_list() == [10760762337991515389, 12687615808406778278]
    assert hashes["tgt"].to_list() == [3244421341483603138, 4632645163541105818]


def test_mix_is_a_fixed_permutation():
    values = pl.Series("k", [0, 1, 2**64 - 1], dtype=pl.UInt64)
    assert mix(values, 0).to_list() == [
        16294208416658607535,
        10451216379200822465,
        16490336266968443936,
    ]
    assert mix(values, 7).to_list() != mix(values, 0).to_list()
    many = pl.int_range(100_000, dtype=pl.UInt64, eager=True)
    assert mix(many, 3).n_unique() == 100_000


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("hòa bình", "hoà bình"),
        ("Thủy thủ khỏe", "Thuỷ thủ khoẻ"),
        ("HÓA HỌC, Ùy", "HOÁ HỌC, Uỳ"),
        (unicodedata.normalize("NFD", "hòa"), "hoà"),
        ("xòe", unicodedata.normalize("NFD", "xoè")),
    ],
)
def test_vietnamese_tones_have_one_place_in_keys(older, newer):
    keys = pl.DataFrame({"text": [older, newer]}).select(text_key("text"))["text"]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("hòa", "hóa"), ("hòa", "hoa"), ("có anh", "co ánh"), ("tùy", "túy"), ("qúa", "qua")],
)
def test_vietnamese_words_stay_apart_in_keys(one, other):
    keys = pl.DataFrame({"text": [one, other]}).select(text_key("text"))["text"]
    assert keys[0] != keys[1]
