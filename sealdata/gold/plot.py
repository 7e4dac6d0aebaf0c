"""The plot of a calibration: a small SVG histogram per score and language."""

from collections.abc import Sequence
from html import escape

from sealdata.gold.calibrate import Calibration, Spread

_WIDTH, _HEIGHT, _COLUMNS = 300, 150, 3
_COLOURS = {
    "good": "#1b7837",
    "shuffled": "#b2182b",
    "next": "#ef8a62",
    "other language": "#b2182b",
}


def plot(found: Sequence[Calibration]) -> str:
    """An SVG document: shares of good pairs and of each kind of negatives, and the limit."""
    rows = -(-len(found) // _COLUMNS)
    panels = [
        f'<g transform="translate({number % _COLUMNS * _WIDTH} {number // _COLUMNS * _HEIGHT})">'
        f"{_panel(one)}</g>"
        for number, one in enumerate(found)
    ]
    size = f'width="{_WIDTH * _COLUMNS}" height="{_HEIGHT * rows}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>\n'
    )


def _panel(one: Calibration) -> str:
    left, right, top, bottom = 12, _WIDTH - 12, 24, _HEIGHT - 20
    low, high = one.bins[0], one.bins[-1]
    spreads = [one.good, *one.negatives]
    most = max(max(_shares(spread)) for spread in spreads) or 1

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    drawn = []
    for spread in spreads:
        steps = "".join(
            f"V{bottom - share / most * (bottom - top):.1f}H{across(edge):.1f}"
            for share, edge in zip(_shares(spread), one.bins[1:], strict=True)
        )
        colour = _COLOURS[spread.kind]
        drawn.append(
            f'<path d="M{left} {bottom}{steps}V{bottom}Z" fill="{colour}" fill-opacity="0.25" '
            f'stroke="{colour}"><title>{escape(spread.kind)}</title></path>'
        )
    legend = "".join(
        f'<tspan fill="{_COLOURS[spread.kind]}">{escape(spread.kind)} </tspan>'
        for spread in spreads
    )
    at = across(one.limit)
    return (
        f'<text x="{left}" y="14">{escape(f"{one.score} {one.lang}, limit {one.limit:g}")}</text>'
        f"{''.join(drawn)}"
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{legend}</text>'
        f'<path d="M{at:.1f} {top}V{bottom}" stroke="black" stroke-dasharray="3 2"/>'
        f'<text x="{left}" y="{_HEIGHT - 6}">{low:.2f}</text>'
        f'<text x="{right}" y="{_HEIGHT - 6}" text-anchor="end">{high:.2f}</text>'
    )


def _shares(spread: Spread) -> list[float]:
    total = sum(spread.histogram) or 1
    return [count / total for count in spread.histogram]
