"""The report's charts, drawn as SVG from the audit's facts."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from sealdata.build_manifest import FunnelRow
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.schema import Counts, Histogram, ScoreFacts

_WIDTH, _BASE, _TOP = 260.0, 92.0, 18.0  # of a histogram, in SVG units
_GAP = 3.0  # between the scale and the open bins at either end

# What lies on a part's colour, in squares of 8 units: told apart in grey and by every kind of
# colour vision. What was kept has none.
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
    parts = [("kept", sum(row.kept for row in rows))]
    parts += [(stage, sum(row.lost(stage) for row in rows)) for stage in STAGE_NAMES]
    rects, at = [], 0.0
    for name, count in parts:
        if count == 0:
            continue
        width = 100 * count / records
        title = f"{name}: {count:,} of {records:,} ({count / records:.1%})"
        rects.append(
            Markup(
                '<rect class="s-{}" x="{:.2f}%" width="{:.2f}%" height="100%">'
                "<title>{}</title></rect>"
            ).format(name, at, width, title)
        )
        at += width
    label = ", ".join(f"{name} {count:,}" for name, count in parts if count)
    return Markup('<svg class="bar" role="img" aria-label="{}">{}</svg>').format(
        f"Of {records:,} records: {label}", Markup("").join(rects)
    )


def histogram(score: ScoreFacts, lang: str, language: str) -> Markup:
    """One language's histogram: kept pairs below, dropped ones stacked on them, limits as lines."""
    counts = score.languages[lang]
    scale = _Scale(score)
    every, kept = bars(score, counts.every), bars(score, counts.kept)
    dropped = [a - b for a, b in zip(every, kept, strict=True)]
    tallest = max(every, default=0) or 1
    parts = [Markup('<g class="shades">{}</g>').format(_rejected(scale, counts))]
    parts += [
        _steps(scale, kept, [0] * len(kept), tallest, "kept"),
        _steps(scale, dropped, kept, tallest, "lost"),
        Markup('<path class="axis" d="M0 {0}H{1}"/>').format(_BASE, _WIDTH),
    ]
    lines = Markup("").join(_limit_line(scale, mark) for mark in _marks(counts))
    parts.append(Markup('<g class="limits">{}</g>').format(lines))
    parts += _labels(score, scale)
    label = f"{score.name}, {language}: {counts.every.num_scored:,} rows; " + "; ".join(
        f"{limit.outside:,} outside the limits of {limit.reason}" for limit in counts.limits
    )
    return Markup(
        '<svg class="histogram" viewBox="0 0 260 108" role="img" aria-label="{}" '
        'data-left="{:.1f}" data-right="{:.1f}">{}</svg>'
    ).format(label, scale.left, scale.right, Markup("").join(parts))


def bars(score: ScoreFacts, counts: Counts) -> list[int]:
    """Rows per bar: below the first of ``score.bars``, from each to below the next, from the last
    on. The cells are finer where a limit lies between two bars."""
    sums = [0] * (len(score.bars) + 1)
    at = 0
    for index, count in enumerate(counts.cells):
        edge = (index - 1) // 2  # the last edge at or below the cell, -1 for none
        while edge >= 0 and at < len(score.bars) and score.bars[at] <= score.edges[edge]:
            at += 1
        sums[at] += count
    return sums


class _Scale:
    """Where scores lie on the page; open bins have a place of their own where they hold rows."""

    def __init__(self, score: ScoreFacts) -> None:
        counted = [bars(score, found.every) for found in score.languages.values()]
        self.edges = score.bars
        self.open_low = any(own[0] for own in counted)
        self.open_high = any(own[-1] for own in counted)
        bins = len(self.edges) - 1 + self.open_low + self.open_high
        self.bin = (_WIDTH - _GAP * (self.open_low + self.open_high)) / bins
        self.left = (self.bin + _GAP) * self.open_low
        self.right = self.left + self.bin * (len(self.edges) - 1)

    def x(self, value: float) -> float:
        """Position of a score, kept within the closed bins; linear inside a bin."""
        return self.left + self.bin * float(
            np.interp(value, self.edges, np.arange(len(self.edges)))
        )

    @property
    def widens_at(self) -> float | None:
        """The edge from which bins hold a wider range of scores; None where all are alike."""
        steps = np.diff(self.edges)
        wider = np.flatnonzero(steps > 1.01 * steps[0])
        return self.edges[int(wider[0])] if len(wider) else None

    def start(self, index: int) -> float:
        """Left side of the bin that counts[index] fills."""
        if index == 0:
            return 0.0
        gap = _GAP if index == len(self.edges) else 0.0
        return self.left + (index - 1) * self.bin + gap


def _steps(scale: _Scale, counts: list[int], under: list[int], tallest: int, kind: str) -> Markup:
    unit = (_BASE - _TOP) / tallest
    pieces = []
    for index, (count, below) in enumerate(zip(counts, under, strict=True)):
        if count:
            x, foot = scale.start(index), _BASE - below * unit
            width, height = scale.bin * 0.92, count * unit
            pieces.append(f"M{x:.1f} {foot:.1f}v{-height:.1f}h{width:.2f}V{foot:.1f}z")
    return Markup('<path class="{}" d="{}"/>').format(kind, "".join(pieces))


def _rejected(scale: _Scale, counts: Histogram) -> Markup:
    """Shade what lies outside the limits."""
    shades = []
    for limit in counts.limits:
        if limit.min is not None:
            shades.append((0.0, scale.x(limit.min)))
        if limit.max is not None:
            shades.append((scale.x(limit.max), _WIDTH))
    rect = Markup('<rect class="outside" x="{:.1f}" y="14" width="{:.1f}" height="78"/>')
    return Markup("").join(rect.format(start, end - start) for start, end in shades)


def _marks(counts: Histogram) -> list[float]:
    bounds = [bound for limit in counts.limits for bound in (limit.min, limit.max)]
    return sorted({bound for bound in bounds if bound is not None})


def _limit_line(scale: _Scale, mark: float) -> Markup:
    x = scale.x(mark)
    anchor = "start" if x < 20 else "end" if x > _WIDTH - 20 else "middle"
    return Markup(
        '<path class="limit" d="M{0:.1f} 14V92"/>'
        '<text class="limit" x="{0:.1f}" y="10" text-anchor="{1}">{2}</text>'
    ).format(x, anchor, f"{mark:g}")


def _labels(score: ScoreFacts, scale: _Scale) -> list[Markup]:
    low, high = f"{score.bars[0]:g}", f"{score.bars[-1]:g}"
    text = Markup('<text x="{:.1f}" y="105" text-anchor="{}">{}</text>')
    labels = [
        text.format(0, "start", f"< {low}" if scale.open_low else low),
        text.format(_WIDTH, "end", f"≥ {high}" if scale.open_high else high),
    ]
    if scale.widens_at is not None:
        x = scale.x(scale.widens_at)
        labels.append(text.format(x, "end", f"{scale.widens_at:g}"))
        labels.append(Markup('<path class="axis" d="M{0:.1f} {1}v5m3 0v-5"/>').format(x, _BASE))
    return labels


def textures() -> Markup:
    """The definitions that fills refer to: ``url(#t-rules)``. They stand once in a page."""
    pattern = Markup(
        '<pattern id="t-{0}" width="8" height="8" patternUnits="userSpaceOnUse">'
        '<rect width="8" height="8" fill="var(--{0})"/><path d="{1}"/></pattern>'
    )
    return Markup('<svg class="textures" width="0" height="0" aria-hidden="true">{}</svg>').format(
        Markup("").join(pattern.format(name, path) for name, path in TEXTURES.items())
    )


def key(name: str) -> Markup:
    """The mark that stands for a part of a chart."""
    return Markup(
        '<svg class="key" aria-hidden="true"><rect class="s-{}" width="100%" height="100%"/></svg>'
    ).format(name)


def legend(names: Sequence[str]) -> Markup:
    """A key of the bars' parts."""
    return Markup(" ").join(Markup("<span>{}{}</span>").format(key(name), name) for name in names)
