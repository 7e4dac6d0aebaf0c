"""Formats figures and corpus text for the page: escaped, invisible characters made visible."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from sealdata.report.schema import Limit

_CONTEXT = 60  # characters of unchanged text shown around a change
_INVISIBLE = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")


def number(value: int | float) -> str:
    """``12,345``; fractions with up to four significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def hundredths(value: float) -> str:
    """``-0.12``; a value that rounds to 0 has no sign."""
    return f"{round(value, 2) + 0.0:.2f}"


def percent(part: int, whole: int) -> str:
    """``12.3 %``; a dash if ``whole`` is 0; rounding never makes 0 or 100 of another share."""
    if whole == 0:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.05:
        return "< 0.1 %"
    if 99.95 <= share < 100:
        return "> 99.9 %"
    return f"{share:.1f} %"


def points(error: float | None) -> Markup:
    """``± 0.12`` in percent points for the error of a share; empty if there is none."""
    return Markup("<small>± {:.2f}</small>").format(100 * error) if error else Markup("")


def bounds(low: float | None, high: float | None) -> str:
    """The range that a score must lie in: ``≥ 0.6``, ``≤ 4``, ``1 to 4``."""
    if low is None:
        return "anything" if high is None else f"≤ {high:g}"
    return f"≥ {low:g}" if high is None else f"{low:g} to {high:g}"


def visible(text: str) -> Markup:
    """Escaped text with control and format characters as code points."""
    return Markup("").join(
        Markup('<b class="code">U+{:04X}</b>').format(ord(char))
        if unicodedata.category(char) in _INVISIBLE
        else escape(char)
        for char in text
    )


def changed(before: str, after: str) -> tuple[Markup, Markup]:
    """Both texts with their difference marked; unchanged text far from it is left out."""
    start = _common(before, after)
    while start and _joins(before, after, start):
        start -= 1
    limit = min(len(before), len(after)) - start
    end = min(limit, _common(before[::-1], after[::-1]))
    while end and _joins(before, after, -end):
        end -= 1
    return _marked(before, start, end), _marked(after, start, end)


def _common(text: str, other: str) -> int:
    """Length of the longest common prefix."""
    pairs = zip(text, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other)))


def _joins(before: str, after: str, index: int) -> bool:
    """Whether a cut at ``index`` would separate a combining mark from its letter."""
    return any(
        unicodedata.category(text[index])[0] == "M" for text in (before, after) if index < len(text)
    )


def _marked(text: str, start: int, end: int) -> Markup:
    stop = len(text) - end
    head = ("…" if start > _CONTEXT else "") + text[max(0, start - _CONTEXT) : start]
    tail = text[stop : stop + _CONTEXT] + ("…" if end > _CONTEXT else "")
    middle = Markup("<mark>{}</mark>").format(visible(text[start:stop])) if start < stop else ""
    return Markup("{}{}{}").format(visible(head), middle, visible(tail))


def embedded(value: Any) -> Markup:
    """JSON for a script element: none of its characters can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def failing(
    scores: dict[str, int | float | str | None],
    reasons: Sequence[str],
    limits: dict[str, tuple[str, Limit]],
) -> list[tuple[str, str]]:
    """Each reason with its score: ``("slow", "laser.cosine 0.52, must be ≥ 0.6")``.

    The second text is empty for a reason without a score.
    """
    return [(reason, _failure(scores, limits.get(reason))) for reason in reasons]


def _failure(
    scores: dict[str, int | float | str | None], score_and_limit: tuple[str, Limit] | None
) -> str:
    if score_and_limit is None:
        return ""
    score, limit = score_and_limit
    value = scores.get(score)
    if value is None:
        return f"{score} is missing"
    shown = value if isinstance(value, str) else number(value)
    return f"{score} {shown}, must be {bounds(limit.min, limit.max)}"
