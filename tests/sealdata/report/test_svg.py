"""SVG elements are written exactly, and nowhere else."""

from pathlib import Path

import pytest

from sealdata.report import svg

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (svg.rect(x=1.005, width="50%", class_="a", y=None), '<rect x="1" width="50%" class="a"/>'),
        (svg.title("<b> & \"c\""), "<title>&lt;b&gt; &amp; &#34;c&#34;</title>"),
        (svg.text(-0.001, 2.345, "3 > 2", "end"), '<text x="0" y="2.35" text-anchor="end">3 &gt; 2'
         "</text>"),
        (svg.path("M", 1, -2.5, "v", 3, "h", 10.126, 4, "z", class_="k"),
         '<path class="k" d="M1-2.5v3h10.13 4z"/>'),
        (svg.line(1, 2, 3, 4, stroke_width=1.5),
         '<line x1="1" y1="2" x2="3" y2="4" stroke-width="1.5"/>'),
        (svg.chart(svg.title("t"), box=(260, 108.5), label='a "b"', data_left=100.0),
         '<svg viewBox="0 0 260 108.5" role="img" aria-label="a &#34;b&#34;" data-left="100">'
         "<title>t</title></svg>"),
    ],
)  # fmt: skip
def test_elements(drawn: str, expected: str) -> None:
    assert drawn == expected


def test_no_other_module_writes_svg() -> None:
    marks = ("<svg", "<path", "<rect", "<text ", "<polygon", "www.w3.org/2000/svg")
    modules = [
        file for room in ("sealdata", "sealtrain", "cli") for file in (ROOT / room).rglob("*.py")
    ]
    texts = {file.name: file.read_text("utf-8") for file in modules}
    assert [name for name, text in texts.items() if any(m in text for m in marks)] == ["svg.py"]
