"""The funnel bars and histograms of the report, drawn from the audit's facts."""

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from sealdata.build_manifest import FunnelRow
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report import svg
from sealdata.report.schema import Counts, Histogram, ScoreFacts

# Sizes of a histogram in SVG units; charts.js has the same heights to move the limits.
_HEIGHT, _BASE, _TOP = 108.0, 92.0, 18.0
# Its width by the number of histograms side by side: a page of few languages has room for wider
# ones, and all are 150 to 210 pixels high.
_WIDTHS = {1: 640.0, 2: 400.0, 3: 300.0}
_WIDTH = 260.0  # for four in a row
_LIMIT_TOP = 14.0  # limits and shades begin above the tallest bar
_GAP = 3.0  # between the scale and the open bins at either end
_BAR_SHARE = 0.92  # of a bin that its bar fills

# The pattern that lies on a part's colour, in squares of 8 units. The patterns differ in grey and
# under every kind of colour blindness. The part that was kept has no pattern.
TEXTURES = {
    "ingest": "M1 1.5h2M1 2.5h2M5 5.5h2M5 6.5h2",  # dots
    "exclude": "M0 4h8M4 0v8",  # a grid
    "rules": "M-1 1l2-2M-1 9L9-1M7 9l2-2",  # rising
    "dedup": "M2 0v8M6 0v8",  # upright
    "decontaminate": "M0 2h8M0 6h8",  # level
    "lid": "M-1 7l2 2M-1-1l10 10M7-1l2 2",  # falling
    "similarity": "M1 1l6 6M1 7l6-6",  # crosses
    "caps": "M0 6l4-4 4 4",  # waves
    "near-dedup": "M3 0v3M3 5v1M7 4v3M7 0v2",  # broken
    "select": "M4 1v6M1 4h6",  # plus signs
    "lost": "M-1 1l2-2M-1 9L9-1M7 9l2-2M3 9l6-6M-1 5l6-6",  # rising, close, for narrow bars
}


def funnel_bar(rows: Sequence[FunnelRow]) -> Markup:
    """One stacked bar: what was kept, then what each stage dropped, as shares of the records."""
    records = sum(row.records for row in rows)
    # The parts add up to the records, because every row of the funnel does.
    parts = [("kept", sum(row.kept for row in rows))]
    parts += [(stage, sum(row.lost(stage) for row in rows)) for stage in STAGE_NAMES]
    rects, left = [], 0.0
    for name, count in parts:
        # An empty part has no width but would still have a tip.
        if count == 0:
            continue
        width = 100 * count / records
        tip = svg.title(f"{name}: {count:,} of {records:,} ({count / records:.1%})")
        # Percentages, so that the bar follows the width of the page.
        size = {"x": f"{left:.2f}%", "width": f"{width:.2f}%", "height": "100%"}
        rects.append(svg.rect(tip, class_=f"s-{name}", **size))
        left += width
    counts = ", ".join(f"{name} {count:,}" for name, count in parts if count)
    # The label is for screen readers: it says in words what the picture shows.
    label = f"Of {records:,} records: {counts}"
    return svg.element("svg", *rects, class_="bar", role="img", aria_label=label)


def histogram(score: ScoreFacts, lang: str, language: str) -> Markup:
    """One language's histogram: kept pairs below, dropped ones stacked on them, limits as lines."""
    counts = score.languages[lang]
    scale = _Scale(score)
    num_scored, kept = bars(score, counts.every), bars(score, counts.kept)
    # Kept rows are also scored rows, so the difference is never negative.
    dropped = [total - below for total, below in zip(num_scored, kept, strict=True)]
    # Heights are relative to the tallest bar of this language, not of all: small languages stay
    # readable.
    tallest = max(num_scored, default=0) or 1
    label = f"{score.name}, {language}: {counts.every.num_scored:,} rows; " + "; ".join(
        f"{limit.outside:,} outside the limits of {limit.reason}" for limit in counts.limits
    )
    lines = (_limit_line(scale, bound) for bound in _bounds(counts))
    return svg.chart(
        svg.element("g", *_rejected(scale, counts), class_="shades"),
        _bars(scale, kept, [0] * len(kept), tallest, "kept"),
        _bars(scale, dropped, kept, tallest, "lost"),
        svg.path("M", 0, _BASE, "H", scale.width, class_="axis"),
        svg.element("g", *lines, class_="limits"),
        *_labels(score, scale),
        box=(scale.width, _HEIGHT),
        label=label,
        class_="histogram",
        # The page's script needs the scale to move a limit by the mouse.
        data_left=scale.left,
        data_right=scale.right,
    )


def bars(score: ScoreFacts, counts: Counts) -> list[int]:
    """Rows per bar [B + 1] for the B edges of ``score.bars``.

    The first bar counts rows below the first edge, the last bar rows at or above the last edge.
    The others count from an edge to below the next. The cells of ``counts`` are finer than bars
    where a limit lies between two edges.
    """
    # Both lists rise, so one walk over the cells is enough.
    sums = [0] * (len(score.bars) + 1)
    bar = 0
    for index, count in enumerate(counts.cells):
        edge = (index - 1) // 2  # the last edge at or below the cell, -1 for none
        while edge >= 0 and bar < len(score.bars) and score.bars[bar] <= score.edges[edge]:
            bar += 1
        sums[bar] += count
    return sums


class _Scale:
    """Where scores lie on the page.

    An open bin at either end takes room if any language has rows in it. The histograms of all
    languages therefore have the same scale.
    """

    def __init__(self, score: ScoreFacts) -> None:
        lang_bars = [bars(score, lang.every) for lang in score.languages.values()]
        self.width = _WIDTHS.get(len(lang_bars), _WIDTH)
        self.edges = score.bars
        self.open_low = any(counts[0] for counts in lang_bars)
        self.open_high = any(counts[-1] for counts in lang_bars)
        bins = len(self.edges) - 1 + self.open_low + self.open_high
        # All bins have one width on the page, also those that widen in scores.
        self.bin = (self.width - _GAP * (self.open_low + self.open_high)) / bins
        self.left = (self.bin + _GAP) * self.open_low
        self.right = self.left + self.bin * (len(self.edges) - 1)

    def x(self, value: float) -> float:
        """Position of a score, kept within the closed bins; linear inside a bin."""
        return self.left + self.bin * float(
            # Outside the edges ``interp`` returns the first or last position: a far limit is drawn
            # at the border.
            np.interp(value, self.edges, np.arange(len(self.edges)))
        )

    @property
    def widens_from(self) -> float | None:
        """The edge from which bins hold a wider range of scores; None if all are equally wide."""
        steps = np.diff(self.edges)
        # One per cent of tolerance, because steps are differences of rounded numbers.
        wider = np.flatnonzero(steps > 1.01 * steps[0])
        return self.edges[int(wider[0])] if len(wider) else None

    def start(self, bar: int) -> float:
        """Left side of a bar of ``bars``."""
        if bar == 0:
            return 0.0
        gap = _GAP if bar == len(self.edges) else 0.0
        return self.left + (bar - 1) * self.bin + gap


def _bars(scale: _Scale, counts: list[int], below: list[int], tallest: int, css: str) -> Markup:
    """A path with a bar per count, each on top of ``below``; ``tallest`` fills the height."""
    unit = (_BASE - _TOP) / tallest
    commands: list[str | float] = []
    for bar, (count, under) in enumerate(zip(counts, below, strict=True)):
        if count:
            # One path for all bars takes fewer bytes of the page than a rectangle for each.
            x, foot = scale.start(bar), _BASE - under * unit
            commands += ["M", x, foot, "v", -count * unit, "h", scale.bin * _BAR_SHARE]
            commands += ["V", foot, "z"]
    return svg.path(*commands, class_=css)


def _rejected(scale: _Scale, counts: Histogram) -> Iterator[Markup]:
    """A shade over what lies outside each limit."""
    size = {"y": _LIMIT_TOP, "height": _BASE - _LIMIT_TOP, "class_": "outside"}
    for limit in counts.limits:
        if limit.min is not None:
            yield svg.rect(x=0, width=scale.x(limit.min), **size)
        if limit.max is not None:
            yield svg.rect(x=scale.x(limit.max), width=scale.width - scale.x(limit.max), **size)


def _bounds(counts: Histogram) -> list[float]:
    bounds = [bound for limit in counts.limits for bound in (limit.min, limit.max)]
    # Rules may share a limit. It is drawn once.
    return sorted({bound for bound in bounds if bound is not None})


def _limit_line(scale: _Scale, bound: float) -> Markup:
    x = scale.x(bound)
    # A number at the border of the chart would be cut off in the middle.
    anchor = "start" if x < 20 else "end" if x > scale.width - 20 else "middle"
    line = svg.path("M", x, _LIMIT_TOP, "V", _BASE, class_="limit")
    return line + svg.text(x, 10, f"{bound:g}", anchor, class_="limit")


def _labels(score: ScoreFacts, scale: _Scale) -> Iterator[Markup]:
    """The range of the scores, and a break of the axis where bins begin to widen."""
    low, high = f"{score.bars[0]:g}", f"{score.bars[-1]:g}"
    y = 105
    yield svg.text(0, y, f"< {low}" if scale.open_low else low)
    yield svg.text(scale.width, y, f"≥ {high}" if scale.open_high else high, "end")
    if scale.widens_from is not None:
        x = scale.x(scale.widens_from)
        yield svg.text(x, y, f"{scale.widens_from:g}", "end")
        yield svg.path("M", x, _BASE, "v", 5, "m", 3, 0, "v", -5, class_="axis")


def textures() -> Markup:
    """The patterns that fills refer to, as in ``url(#t-rules)``. A page holds them once."""
    size = {"width": 8, "height": 8}
    patterns = [
        svg.element(
            "pattern",
            svg.rect(fill=f"var(--{name})", **size),
            svg.path(texture),
            id=f"t-{name}",
            patternUnits="userSpaceOnUse",
            **size,
        )
        for name, texture in TEXTURES.items()
    ]
    return svg.element("svg", *patterns, class_="textures", width=0, height=0, aria_hidden="true")


def key(name: str) -> Markup:
    """The mark that stands for a part of a chart."""
    mark = svg.rect(class_=f"s-{name}", width="100%", height="100%")
    return svg.element("svg", mark, class_="key", aria_hidden="true")


def legend(names: Sequence[str]) -> Markup:
    """A key of the bars' parts."""
    return Markup(" ").join(Markup("<span>{}{}</span>").format(key(name), name) for name in names)
