"""The chart of two margins: how many pairs lie in each hexagon, as SVG."""

import math
from collections.abc import Iterable

from markupsafe import Markup

from sealdata.report.margin_agreement import CELLS, MARGIN
from sealdata.report.schema import Limit, MarginFacts

_LEFT, _TOP, _SIDE = 40.0, 8.0, 208.0  # of the square, in SVG units
_WIDE = _SIDE / CELLS  # of a hexagon
_LEVELS = 5  # of darkness; equal steps of the logarithm of the pairs


def margin_chart(
    facts: MarginFacts, language: str, limits: Iterable[tuple[str, Limit]] = ()
) -> Markup:
    """Stored margin to the right, the new one upwards; ``limits`` (score, limit) as lines."""
    most = max(pairs for _, _, pairs in facts.cells)
    paths: dict[int, list[str]] = {}
    for column, row, pairs in facts.cells:
        level = math.ceil(_LEVELS * math.log1p(pairs) / math.log1p(most))
        paths.setdefault(level, []).append(_hexagon(column, row))
    hexagons = Markup("").join(
        Markup('<path class="kept" fill-opacity="{:.2f}" d="{}"/>').format(
            0.12 + 0.88 * (level / _LEVELS) ** 1.5, "".join(paths[level])
        )
        for level in sorted(paths)
    )
    label = (
        f"{language}, {facts.source}: {MARGIN} against the stored margin, {facts.rows:,} pairs in "
        f"{len(facts.cells)} hexagons of at most {most:,}; rank correlation {facts.correlation:.2f}"
    )
    return Markup(
        '<svg class="histogram hexbins" viewBox="0 0 260 250" role="img" aria-label="{}">{}{}{}'
        "</svg>"
    ).format(label, hexagons, _axes(facts), _limits(facts, limits))


def _hexagon(column: int, row: int) -> str:
    x, y = _LEFT + column / 2 * _WIDE, _TOP + _SIDE - row * math.sqrt(3) / 2 * _WIDE
    half, quarter = _WIDE / 2, _WIDE / math.sqrt(12)  # of the width, and of the height
    return (
        f"M{x:.1f} {y - 2 * quarter:.1f}l{half:.1f} {quarter:.1f}v{2 * quarter:.1f}"
        f"l{-half:.1f} {quarter:.1f}l{-half:.1f} {-quarter:.1f}v{-2 * quarter:.1f}z"
    )


def _axes(facts: MarginFacts) -> Markup:
    bottom, right = _TOP + _SIDE, _LEFT + _SIDE
    frame = f"M{_LEFT} {_TOP}V{bottom}H{right}"
    text = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>')
    (x_low, x_high), (y_low, y_high) = facts.stored_range, facts.again_range
    labels = [
        text.format(_LEFT, bottom + 18, "start", f"{x_low:.3f}"),
        text.format((_LEFT + right) / 2, bottom + 18, "middle", "stored margin"),
        text.format(right, bottom + 18, "end", f"{x_high:.3f}"),
        text.format(_LEFT - 7, bottom, "end", f"{y_low:.3f}"),
        text.format(_LEFT - 7, _TOP + 8, "end", f"{y_high:.3f}"),
        Markup(
            '<text transform="translate({:.0f} {:.0f}) rotate(-90)" text-anchor="middle">{}</text>'
        ).format(_LEFT - 12, _TOP + _SIDE / 2, MARGIN),
    ]
    return Markup('<path class="axis" d="{}"/>{}').format(frame, Markup("").join(labels))


def _limits(facts: MarginFacts, limits: Iterable[tuple[str, Limit]]) -> Markup:
    lines = []
    for score, limit in limits:
        for bound in (limit.min, limit.max):
            if bound is None:
                continue
            if score == "stored.margin" and _within(bound, facts.stored_range):
                x = _LEFT + _SIDE * _share(bound, facts.stored_range)
                lines.append(f"M{x:.1f} {_TOP}v{_SIDE}")
            if score == MARGIN and _within(bound, facts.again_range):
                y = _TOP + _SIDE * (1 - _share(bound, facts.again_range))
                lines.append(f"M{_LEFT} {y:.1f}h{_SIDE}")
    return Markup('<path class="limit" d="{}"/>').format("".join(lines)) if lines else Markup("")


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _share(value: float, limits: tuple[float, float]) -> float:
    return (value - limits[0]) / (limits[1] - limits[0])
