"""Remains of web pages are counted; signs that people write are not."""

import pytest

from sealdata.component import load
from sealdata.pairs import make_pairs


def remains(src: str, tgt: str = "") -> int:
    return load("scorers", "markup").score(make_pairs([(src, tgt)]))["remains"].item()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('<a href="https://news.example/1">ข่าวล่าสุด</a>', 2),
        ("Berita terbaru</div>", 1),
        ("<p>最新消息</p>", 2),
        ("Line one<br/>line two<BR />", 2),
        ('class="post-title">Mưa lớn đã khiến ba con đường phải đóng cửa', 1),
        ("<img src=https://news.example/a.jpg", 1),
        ('Read more <a href="/berita/lokal', 1),
        ("ມື້ນີ້ <span style='font-weight: bold", 1),
        ("Xem thêm </span", 1),
        ("cut before the sentence <div", 1),
        ("br /> Udan maneh.", 1),
        ("/span> Udan maneh.", 1),
        ("nasi&nbsp;goreng &amp; teh", 2),
        ("caf&eacute; &#8220;baru&#8221; &#x2026;", 4),
        ("it&nbsp is raining", 1),
        ("[b]Penting[/b] [url=https://x.example]di sini[/url]", 3),
        ("Home function open(id) { return id", 1),
        ("document.write(x) and window.location = y", 1),
        (".post { color: red; }", 1),
        ("<!-- comment --> text <![CDATA[ raw ]]>", 4),
    ],
)
def test_remains_are_counted(text: str, count: int) -> None:
    assert remains(text) == count
    assert remains("", text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Is 3 < 5, or 5 > 3?",
        "The value of p <0.05 and n> 30.",
        "x <y and y> z",
        "if a <b and c> d",
        "Research & development at AT&T; R&D; Q&A;",
        "Write to Dewi <dewi@mail.example> or <info@seal.example>.",
        "See <https://seal.example/a?b=1&c=2&copyright=3> for more.",
        "- > next page, <- back, => result",
        "He gave his boat the title = captain.",
        "The height is 5 m, width: 3 m; colour: red.",
        "[1] The document. Window seats cost more.",
        "ปลาตัวนี้สด < ปลาเมื่อวาน",
        "10 > 9 & 8 < 9",
        "var Baru (function) {nama}",
    ],
)
def test_ordinary_signs_are_not(text: str) -> None:
    assert remains(text, text) == 0


def test_both_sides_count() -> None:
    assert remains("<p>It is raining again.", "Hujan turun lagi.</p>") == 2
