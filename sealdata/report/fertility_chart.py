"""The chart of fertility: parity of each language by tokenizer, as an SVG that stands by itself."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import polars as pl

from sealdata.errors import SealError
from sealdata.languages import resolve

# Okabe and Ito 2008: told apart by every kind of colour vision; the shapes tell them in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
_SHAPES = ("circle", "square", "diamond", "up", "down", "plus", "cross")
_LEFT, _WIDTH, _RIGHT = 130, 620, 40  # names of languages, the scale, room for the last label
_LANE = 11  # height of one tokenizer's mark within a language's row
Scale = Callable[[float], float]  # a parity -> where it lies across

_AXIS_STEPS = (0.25, 0.5, 1, 2, 5, 10)


def fertility_svg(rows: pl.DataFrame) -> str:
    """Languages downwards, the costliest first; a mark and its 95 % interval per tokenizer.

    ``rows`` has ``tokenizer``, ``lang``, ``parity`` and, where known, ``parity_low`` and
    ``parity_high``. A language is placed by its mean over the tokenizers.

    Raises:
        SealError: nothing to draw, or more tokenizers than can be told apart.
    """
    rows = rows.filter(pl.col("parity").is_not_null(), pl.col("lang") != "eng_Latn")
    names = rows["tokenizer"].unique(maintain_order=True).to_list()
    if not names:
        raise SealError("no language has a parity: nothing to draw")
    if len(names) > len(_COLOURS):
        raise SealError(f"a chart of {len(names)} tokenizers cannot be read; give at most 7")
    means = rows.group_by("lang").agg(pl.col("parity").mean())
    langs = means.sort(["parity", "lang"], descending=[True, False])["lang"].to_list()
    columns = [name for name in ("parity", "parity_high") if name in rows.columns]
    highest = float(rows.select(pl.max_horizontal(pl.col(columns)).max()).item())
    step = next(s for s in (*_AXIS_STEPS, 20 * highest) if highest / s <= 10)
    limit = step * (highest // step + 1)
    row_height = _LANE * len(names) + 12
    top = 48 + 18 * -(-len(names) // 3)
    bottom = top + row_height * len(langs)

    def x(value: float) -> float:
        return _LEFT + value / limit * _WIDTH

    parts = _frame(names, top, bottom, x(1))
    parts += _axis(step, limit, top, bottom, x)
    found = {(row["tokenizer"], row["lang"]): row for row in rows.iter_rows(named=True)}
    for place, lang in enumerate(langs):
        y = top + row_height * place
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + row_height / 2 + 4:.1f}" text-anchor="end" '
            f'class="name">{escape(resolve(lang).name)}</text>'
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}" class="rule"/>'
        )
        for number, name in enumerate(names):
            if row := found.get((name, lang)):
                middle = y + 6 + _LANE * (number + 0.5)
                parts += _point(row, number, middle, x)
    return _page(parts, bottom + 44)


def _frame(names: Sequence[str], top: float, bottom: float, english: float) -> list[str]:
    parts = [
        '<text x="10" y="22" class="title">Tokens for the same content, English = 1 '
        "(parity, with 95 % interval)</text>"
    ]
    for number, name in enumerate(names):
        x, y = _LEFT + 210 * (number % 3), 44 + 18 * (number // 3)
        parts.append(_mark(number, x, y - 4) + f'<text x="{x + 10}" y="{y}">{escape(name)}</text>')
    parts.append(
        f'<line x1="{english:.1f}" x2="{english:.1f}" y1="{top}" y2="{bottom}" class="one"/>'
    )
    return parts


def _axis(step: float, limit: float, top: float, bottom: float, x: Scale) -> list[str]:
    parts = []
    for number in range(round(limit / step) + 1):
        value, at = number * step, x(number * step)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" class="grid"/>'
            f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
        )
    parts.append(
        f'<text x="{_LEFT + _WIDTH / 2}" y="{bottom + 34}" text-anchor="middle">'
        "tokens over tokens of the English side of the same pairs</text>"
    )
    return parts


def _point(row: dict[str, Any], number: int, y: float, x: Scale) -> list[str]:
    parts = []
    value, low, high = row["parity"], row.get("parity_low"), row.get("parity_high")
    interval = ""
    if low is not None and high is not None:
        interval = f" ({low:.2f} to {high:.2f})"
        parts.append(
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{_COLOURS[number]}" stroke-width="1.5" opacity="0.6"/>'
        )
    title = f"{row['tokenizer']}, {resolve(row['lang']).name}: {value:.2f}{interval}"
    parts.append(_mark(number, x(value), y, title))
    behind = x(high or value) + 6
    parts.append(f'<text x="{behind:.1f}" y="{y + 3:.1f}" class="v">{value:.2f}</text>')
    return parts


def _mark(number: int, x: float, y: float, title: str = "") -> str:
    points: dict[str, list[tuple[float, float]]] = {
        "square": [(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)],
        "diamond": [(0, -5), (5, 0), (0, 5), (-5, 0)],
        "up": [(0, -4.5), (4.5, 4), (-4.5, 4)],
        "down": [(0, 4.5), (4.5, -4), (-4.5, -4)],
        "plus": [(-1.5, -4.5), (1.5, -4.5), (1.5, 4.5), (-1.5, 4.5)],
        "cross": [(-4.5, -1.5), (4.5, -1.5), (4.5, 1.5), (-4.5, 1.5)],
    }
    fill, shape = _COLOURS[number], _SHAPES[number]
    tip = f"<title>{escape(title)}</title>" if title else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}">{tip}</circle>'
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points[shape])
    return f'<polygon points="{corners}" fill="{fill}">{tip}</polygon>'


def _page(parts: Sequence[str], height: float) -> str:
    width = _LEFT + _WIDTH + _RIGHT
    # Every rule names the chart, for it may stand within a page.
    style = (
        ".parity text{font:11px system-ui,sans-serif;fill:#333}"
        ".parity .title{font-size:14px;font-weight:600}"
        ".parity .name{font-size:12px}.parity .v{font-size:9px;fill:#666}"
        ".parity .grid{stroke:#eee}.parity .rule{stroke:#ddd}"
        ".parity .one{stroke:#333;stroke-dasharray:4 3}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="parity" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="Parity of languages by '
        f'tokenizer"><style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )
