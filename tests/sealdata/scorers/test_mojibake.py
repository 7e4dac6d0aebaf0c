"""Text decoded in a wrong character set is told from text with accents and foreign letters."""

import polars as pl
import pytest

from sealdata.component import load
from sealdata.pairs import make_pairs

SENTENCES = [
    "“Don’t worry, we still have time,” she said – with a smile…",
    "Hujan deras menutup “tiga jalan” pagi ini.",
    "Manéhna nyaba naék beus.",
    "Mưa lớn đã khiến ba con đường gần sông phải đóng cửa sáng nay.",
    "ฝนตกหนักทำให้ต้องปิดถนนสามสายใกล้แม่น้ำเมื่อเช้านี้",
    "ຝົນຕົກໜັກເຮັດໃຫ້ຕ້ອງປິດຖະໜົນສາມສາຍ.",
    "ភ្លៀងធ្លាក់ម្ដងទៀតហើយ។",
    "မိုးရွာနေပြန်ပြီ။",
    "மீண்டும் மழை பெய்கிறது.",
    "今天早上，大雨导致河边的三条道路封闭。",
]


def signs(src: str, tgt: str = "") -> int:
    return load("scorers", "mojibake").score(make_pairs([(src, tgt)]))["signs"].item()


def misread(text: str, encoding: str) -> str:
    """UTF-8 read as ``encoding``; bytes it does not define become C1 controls, as in browsers."""
    return "".join(
        byte.decode(encoding, "ignore") or chr(byte[0])
        for byte in (bytes([value]) for value in text.encode("utf-8"))
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("text", SENTENCES)
def test_utf8_misread_is_found_on_either_side(text: str, encoding: str) -> None:
    wrong = misread(text, encoding)
    assert signs(wrong) >= 1
    assert signs("", wrong) == signs(wrong)


@pytest.mark.parametrize("text", SENTENCES)
def test_found_after_a_cleaner_took_the_controls_away(text: str) -> None:
    wrong = "".join(c for c in misread(text, "cp1252") if not "\x80" <= c <= "\x9f")
    assert signs(wrong.replace("\xa0", " ")) >= 1


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "",
        "« L’été, à Phnôm Pênh, il fait très chaud », a-t-elle répondu.",
        "“Tôi là người Việt,” anh nói — “và đây là nhà tôi”…",
        "ĐÂY LÀ THÔNG BÁO: CẤM HÚT THUỐC À?",
        "São Paulo, Zürich, Kraków, Århus, Ñuñoa",
        "20 °C ± 0,5 °C; £5 · €7 © 2026 ®",
        "Ruteng ñu ‘kampung’, naïve façade",
        # Words in capitals before a closing mark, with the opening one or in text that is no UTF-8.
        "MỘT CỬA CẤP “XÃ” LÀ GÌ?",
        "HỘI NGHỊ «GIẢI MÃ» NĂM 2020",
        "Chữ “Â” đứng trước chữ “Ê”; chữ Â và chữ Ô",
        "ANH ĐÃ—NHƯNG CHỊ CŨNG ĐÃ… RỒI",
        "TRỤ SỞ XÃ”, BẢNG HIỆU ‹MÃ›",
        "A “AMANHÔ DE UMA ‘IRMÃ’",
        "„HÂLÂ“ OKUYOR, HÂLÂ BURADA",
        "«ROMÂNÎ» ȘI “Ð”",
    ],
)
def test_accents_quotes_and_other_scripts_are_no_signs(text: str) -> None:
    assert signs(text, text) == 0
    assert load("cleaners", "mojibake").clean(pl.Series([text])).to_list() == [text]


@pytest.mark.parametrize(
    "text",
    [
        *("Jaraknya 50Â km", "hello Â world", "Â ", "50Â", "Harga:Â Rp500", '"Â "', "voilÃ"),
        *("va Ã Paris", "CÃ” TA", "“CÃ”NG TY”", "Â«MOTÂ»", "Â« MOTÂ Â»", "nÃ³i “CÃ””"),
    ],
)
def test_misread_spaces_and_capitals(text: str) -> None:
    assert signs(text) >= 1
    assert signs("", text) == signs(text)


@pytest.mark.parametrize(("text", "count"), [("Ha\ufffdi \ufffd\ufffd", 3), ("caf\ufffd", 1)])
def test_lost_characters_count(text: str, count: int) -> None:
    assert signs(text) == count


def test_control_characters_count() -> None:
    assert signs("He said \x93yes\x94.") >= 2


def test_rows_stay_in_order() -> None:
    pairs = make_pairs([("fine", "bagus"), ("donâ€™t", "ฝน"), ("ok", "Ã©"), ("là”", "à")])
    found = load("scorers", "mojibake").score(pairs)["signs"]
    assert [count > 0 for count in found] == [False, True, True, False]
    assert load("scorers", "mojibake").score(pairs.head(0)).height == 0
