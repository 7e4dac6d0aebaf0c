"""The chart of fertility: parity of each language by tokenizer.

It stands in the report, whose colours it takes on, and is a file of its own for
``sealdata fertility --chart``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from sealdata.errors import SealError
from sealdata.languages import resolve
from sealdata.report import svg

# Okabe and Ito 2008: distinct under every kind of colour blindness; the shapes differ in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
# Corners of a tokenizer's mark around its point; the first tokenizer has a circle.
_SHAPES: tuple[tuple[float, ...], ...] = (
    (),
    (-3.5, -3.5, 3.5, -3.5, 3.5, 3.5, -3.5, 3.5),  # square
    (0, -5, 5, 0, 0, 5, -5, 0),  # diamond
    (0, -4.5, 4.5, 4, -4.5, 4),  # triangle, upwards
    (0, 4.5, 4.5, -4, -4.5, -4),  # triangle, downwards
    (-1.5, -4.5, 1.5, -4.5, 1.5, 4.5, -1.5, 4.5),  # upright bar
    (-4.5, -1.5, 4.5, -1.5, 4.5, 1.5, -4.5, 1.5),  # level bar
)
_LEFT, _WIDTH, _RIGHT = 130, 620, 40  # names of languages, the scale, room for the last label
_LANE = 11  # height of one tokenizer's mark within a language's row
_AXIS_STEPS = (0.25, 0.5, 1, 2, 5, 10)
_MAX_STEPS = 10  # of the axis
# Every selector names the chart, because the chart may stand within a page.
_STYLE = (
    ".parity text{font:11px system-ui,sans-serif;fill:#333}"
    ".parity .title{font-size:14px;font-weight:600}"
    ".parity .name{font-size:12px}.parity .v{font-size:9px;fill:#666}"
    ".parity .grid{stroke:#eee}.parity .rule{stroke:#ddd}"
    ".parity .one{stroke:#333;stroke-dasharray:4 3}"
)


@dataclass(frozen=True)
class _Frame:
    """Where the rows and the scale of a chart lie, in SVG units."""

    tokenizers: list[str]
    langs: list[str]  # from the top down
    step: float  # of the axis
    limit: float  # the parity at the right end

    @property
    def top(self) -> float:
        return 48 + 18 * -(-len(self.tokenizers) // 3)

    @property
    def row_height(self) -> float:
        return _LANE * len(self.tokenizers) + 12

    @property
    def bottom(self) -> float:
        return self.top + self.row_height * len(self.langs)

    def x(self, parity: float) -> float:
        return _LEFT + parity / self.limit * _WIDTH


def fertility_svg(rows: pl.DataFrame) -> str:
    """Languages downwards, the costliest first; a mark and its 95 % interval per tokenizer.

    ``rows`` has ``tokenizer``, ``lang``, ``parity`` and, where known, ``parity_low`` and
    ``parity_high``. Languages are in the order of their mean over the tokenizers.

    Raises:
        SealError: no language has a parity, or there are more tokenizers than marks.
    """
    rows = rows.filter(pl.col("parity").is_not_null(), pl.col("lang") != "eng_Latn")
    names = rows["tokenizer"].unique(maintain_order=True).to_list()
    if not names:
        raise SealError("no language has a parity: there is nothing to draw")
    if len(names) > len(_COLOURS):
        raise SealError(f"a chart of {len(names)} tokenizers cannot be read; name at most 7")
    frame = _frame(rows, names)
    by_place = {(row["tokenizer"], row["lang"]): row for row in rows.iter_rows(named=True)}
    parts = [*_legend(frame), *_axis(frame)]
    for number, lang in enumerate(frame.langs):
        y = frame.top + frame.row_height * number
        middle = y + frame.row_height / 2 + 4
        name = resolve(lang).name
        parts.append(svg.text(_LEFT - 10, middle, name, "end", class_="name"))
        parts.append(svg.line(_LEFT, y, _LEFT + _WIDTH, y, class_="rule"))
        for lane, tokenizer in enumerate(names):
            if row := by_place.get((tokenizer, lang)):
                parts += _point(row, lane, y + 6 + _LANE * (lane + 0.5), frame)
    width, height = _LEFT + _WIDTH + _RIGHT, frame.bottom + 44
    drawn = svg.chart(
        svg.element("style", Markup(_STYLE)),
        svg.rect(width="100%", height="100%", fill="#fff"),
        *parts,
        box=(width, height),
        width=width,
        height=height,
        label="Parity of languages by tokenizer",
        class_="parity",
        xmlns=svg.NAMESPACE,  # browsers need it in a file of its own
    )
    return f"{drawn}\n"


def _frame(rows: pl.DataFrame, names: list[str]) -> _Frame:
    means = rows.group_by("lang").agg(pl.col("parity").mean())
    langs = means.sort(["parity", "lang"], descending=[True, False])["lang"].to_list()
    columns = [name for name in ("parity", "parity_high") if name in rows.columns]
    highest = float(rows.select(pl.max_horizontal(pl.col(columns)).max()).item())
    steps = (*_AXIS_STEPS, 20 * highest)
    step = next(step for step in steps if highest / step <= _MAX_STEPS)
    return _Frame(names, langs, step, limit=step * (highest // step + 1))


def _legend(frame: _Frame) -> Iterator[Markup]:
    heading = "Tokens for the same content, English = 1 (parity, with 95 % interval)"
    yield svg.text(10, 22, heading, class_="title")
    for number, name in enumerate(frame.tokenizers):
        x, y = _LEFT + 210 * (number % 3), 44 + 18 * (number // 3)
        yield _mark(number, x, y - 4)
        yield svg.text(x + 10, y, name)


def _axis(frame: _Frame) -> Iterator[Markup]:
    yield svg.line(frame.x(1), frame.top, frame.x(1), frame.bottom, class_="one")
    for number in range(round(frame.limit / frame.step) + 1):
        parity = number * frame.step
        x = frame.x(parity)
        yield svg.line(x, frame.top, x, frame.bottom, class_="grid")
        yield svg.text(x, frame.bottom + 16, f"{parity:g}", "middle")
    label = "tokens over tokens of the English side of the same pairs"
    yield svg.text(_LEFT + _WIDTH / 2, frame.bottom + 34, label, "middle")


def _point(row: dict[str, Any], lane: int, y: float, frame: _Frame) -> Iterator[Markup]:
    parity, low, high = row["parity"], row.get("parity_low"), row.get("parity_high")
    interval = ""
    if low is not None and high is not None:
        interval = f" ({low:.2f} to {high:.2f})"
        style = {"stroke": _COLOURS[lane], "stroke_width": 1.5, "opacity": 0.6}
        yield svg.line(frame.x(low), y, frame.x(high), y, **style)
    tip = f"{row['tokenizer']}, {resolve(row['lang']).name}: {parity:.2f}{interval}"
    yield _mark(lane, frame.x(parity), y, svg.title(tip))
    # The number stands behind the interval, which it would cover otherwise.
    yield svg.text(frame.x(high or parity) + 6, y + 3, f"{parity:.2f}", class_="v")


def _mark(lane: int, x: float, y: float, tip: Markup | None = None) -> Markup:
    corners: Sequence[float] = _SHAPES[lane]
    if not corners:
        return svg.element("circle", tip, cx=x, cy=y, r=4, fill=_COLOURS[lane])
    points = " ".join(
        f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in zip(corners[::2], corners[1::2], strict=True)
    )
    return svg.element("polygon", tip, points=points, fill=_COLOURS[lane])
