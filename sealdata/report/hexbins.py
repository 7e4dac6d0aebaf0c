"""The chart of two margins: how many pairs lie in each hexagon."""

import math
from collections.abc import Iterable

from markupsafe import Markup

from sealdata.report import svg
from sealdata.report.margin_agreement import CELLS, MARGIN
from sealdata.report.schema import Limit, MarginFacts

# The width is that of the histograms, next to which the chart stands.
_WIDTH, _HEIGHT = 260.0, 250.0
_LEFT, _TOP, _SIDE = 40.0, 8.0, 208.0  # of the square that holds the hexagons, in SVG units
_BOTTOM, _RIGHT = _TOP + _SIDE, _LEFT + _SIDE
_HEXAGON = _SIDE / CELLS  # width of a hexagon
_LEVELS = 5  # of darkness; equal steps of the logarithm of the pairs


def margin_chart(
    facts: MarginFacts, language: str, limits: Iterable[tuple[str, Limit]] = ()
) -> Markup:
    """The stored margin to the right, the margin of this build upwards.

    ``limits`` (score, limit) are lines, if they lie within the ranges.
    """
    fullest = max(pairs for _, _, pairs in facts.cells)
    # One path per level: hexagons of equal darkness are one element of the page.
    levels: dict[int, list[str | float]] = {}
    for column, row, pairs in facts.cells:
        # The logarithm shows single pairs next to hexagons with thousands. A level is 1 to _LEVELS.
        level = math.ceil(_LEVELS * math.log1p(pairs) / math.log1p(fullest))
        levels.setdefault(level, []).extend(_hexagon(column, row))
    hexagons = [
        # The exponent was chosen by eye: the lightest level is still seen on either page colour.
        svg.path(*levels[level], class_="kept", fill_opacity=0.12 + 0.88 * (level / _LEVELS) ** 1.5)
        for level in sorted(levels)
    ]
    # The label states in words what the picture shows.
    label = (
        f"{language}, {facts.source}: {MARGIN} against the stored margin, {facts.rows:,} pairs in "
        f"{len(facts.cells)} hexagons of at most {fullest:,}; rank correlation "
        f"{facts.correlation:.2f}"
    )
    return svg.chart(
        *hexagons,
        *_axes(facts),
        *_limits(facts, limits),
        box=(_WIDTH, _HEIGHT),
        label=label,
        class_="histogram hexbins",
    )


def _hexagon(column: int, row: int) -> list[str | float]:
    """A hexagon that stands on a corner; columns are half a width apart."""
    # Rows are three quarters of a hexagon's height apart: the height is 2 / sqrt(3) of the width.
    x, y = _LEFT + column / 2 * _HEXAGON, _BOTTOM - row * math.sqrt(3) / 2 * _HEXAGON
    # ``rise`` is a quarter of the height. The path runs clockwise from the upper corner.
    half, rise = _HEXAGON / 2, _HEXAGON / math.sqrt(12)
    right = ("M", x, y - 2 * rise, "l", half, rise, "v", 2 * rise, "l", -half, rise)
    # Six sides: three down the right, three up the left. "z" closes the path.
    return [*right, "l", -half, -rise, "v", -2 * rise, "z"]


def _axes(facts: MarginFacts) -> list[Markup]:
    (x_low, x_high), (y_low, y_high) = facts.stored_range, facts.again_range
    below, left = _BOTTOM + 18, _LEFT - 7
    middle = (_LEFT + _RIGHT) / 2
    # Text on its side needs a rotation about its own position.
    upright = f"translate({_LEFT - 12:.0f} {_TOP + _SIDE / 2:.0f}) rotate(-90)"
    return [
        # Only the ends of the ranges have numbers: the chart shows a shape, not values to read off.
        svg.path("M", _LEFT, _TOP, "V", _BOTTOM, "H", _RIGHT, class_="axis"),
        svg.text(_LEFT, below, f"{x_low:.3f}"),
        svg.text(middle, below, "stored margin", "middle"),
        svg.text(_RIGHT, below, f"{x_high:.3f}", "end"),
        svg.text(left, _BOTTOM, f"{y_low:.3f}", "end"),
        svg.text(left, _TOP + 8, f"{y_high:.3f}", "end"),
        svg.element("text", MARGIN, transform=upright, text_anchor="middle"),
    ]


def _limits(facts: MarginFacts, limits: Iterable[tuple[str, Limit]]) -> list[Markup]:
    commands: list[str | float] = []
    for score, limit in limits:
        for bound in (limit.min, limit.max):
            if bound is None:
                continue
            # Limits of other scores are in the list too. Those outside the ranges would lie outside
            # the square.
            if score == "stored.margin" and _within(bound, facts.stored_range):
                x = _LEFT + _SIDE * _share(bound, facts.stored_range)
                commands += ["M", x, _TOP, "v", _SIDE]
            if score == MARGIN and _within(bound, facts.again_range):
                y = _BOTTOM - _SIDE * _share(bound, facts.again_range)
                commands += ["M", _LEFT, y, "h", _SIDE]
    return [svg.path(*commands, class_="limit")] if commands else []


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _share(value: float, limits: tuple[float, float]) -> float:
    return (value - limits[0]) / (limits[1] - limits[0])
