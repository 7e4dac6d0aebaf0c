"""Relatives held against a limit: what each limit catches of them, and loses of references."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.lid_eval import SWAPPED, judges, reference_texts
from sealdata.gold.references import ENGLISH, read_references
from sealdata.languages import confusable_set
from sealdata.pairs import make_pairs
from sealdata.recipe.tables import Recipe
from sealdata.scorers.lid import Lid

LOSSES = (0.5, 1.0, 2.0, 5.0, 10.0, 25.0)  # percent of references that a limit may drop
_WIDTH, _HEIGHT, _COLUMNS = 300, 220, 3
_COLOURS = ("#1b7837", "#b2182b", "#2166ac", "#762a83", "#8c510a")


class Point(BaseModel):
    """One limit on ``lid.tgt_within_set_margin``, and what it drops of either, in percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: float
    lost: float  # of references in the declared language
    caught: float  # of texts in its relatives, declared to be in it


class Curve(BaseModel):
    """All limits of one model and declared language, from the loosest to the tightest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    lang: str
    texts: int  # references in the language
    relatives: dict[str, int]  # texts of each relative that were declared to be in it
    points: list[Point]

    def at(self, lost: float) -> Point | None:
        """The tightest limit that loses at most so many percent; None where even the loosest does
        more, or the model cannot tell the language from its relatives at all."""
        return next((point for point in reversed(self.points) if point.lost <= lost), None)


def curves(recipe: Recipe, base: Path, refs: Path, models: Sequence[str]) -> list[Curve]:
    """A curve for each of ``models`` (none: the recipe's) and each language in ``refs`` that has
    relatives there of its own script.

    Raises:
        ConfigError: no two references of one confusable set.
        DataError: a model is not on this machine or is no fastText classifier.
    """
    texts = reference_texts(read_references(refs))
    found = []
    for model in models or (None,):
        scorer, _ = judges(recipe, base, model)
        [use] = scorer.models()
        for lang, own in texts.items():
            kin = {
                other: text.gather_every(max(1, -(-len(text) // SWAPPED)))
                for other, text in texts.items()
                if other != lang and other in confusable_set(lang) and other[3:] == lang[3:]
            }
            if lang == ENGLISH or not kin:
                continue
            bad = np.concatenate([_margins(scorer, lang, text.to_list()) for text in kin.values()])
            counts = {other: len(text) for other, text in kin.items()}
            points = _points(_margins(scorer, lang, own.to_list()), bad)
            found.append(
                Curve(model=use.name, lang=lang, texts=len(own), relatives=counts, points=points)
            )
    if not found:
        raise ConfigError(f"{refs} has no two languages of one confusable set and script")
    return found


def _margins(scorer: Lid, lang: str, texts: list[str]) -> npt.NDArray[np.float64]:
    """``tgt_within_set_margin`` of texts declared to be in ``lang``; 1 where it is null."""
    scores = scorer.score(make_pairs([("", text) for text in texts], tgt_lang=lang))
    return scores["tgt_within_set_margin"].fill_null(1).to_numpy().astype(np.float64)


def _points(good: npt.NDArray[np.float64], bad: npt.NDArray[np.float64]) -> list[Point]:
    """A point for each step of a hundredth; what is below a limit is dropped."""
    limits = np.round(np.arange(-1, 1.005, 0.01), 2)
    lost = 100 * np.searchsorted(np.sort(good), limits) / len(good)
    caught = 100 * np.searchsorted(np.sort(bad), limits) / len(bad)
    rows = zip(limits.tolist(), lost.tolist(), caught.tolist(), strict=True)
    return [Point(limit=limit, lost=share, caught=recall) for limit, share, recall in rows]


def plot_curves(found: Sequence[Curve]) -> str:
    """An SVG document: a panel per language, a line per model."""
    langs = list(dict.fromkeys(curve.lang for curve in found))
    models = list(dict.fromkeys(curve.model for curve in found))
    colours = {model: _COLOURS[n % len(_COLOURS)] for n, model in enumerate(models)}
    panels = [
        f'<g transform="translate({n % _COLUMNS * _WIDTH} {n // _COLUMNS * _HEIGHT + 20})">'
        f"{_panel(lang, [curve for curve in found if curve.lang == lang], colours)}</g>"
        for n, lang in enumerate(langs)
    ]
    legend = " ".join(f'<tspan fill="{c}">{escape(model)} </tspan>' for model, c in colours.items())
    size = f'width="{_WIDTH * _COLUMNS}" height="{-(-len(langs) // _COLUMNS) * _HEIGHT + 20}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/><text x="40" y="14">{legend}</text>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(lang: str, own: Sequence[Curve], colours: dict[str, str]) -> str:
    left, right, top, bottom = 40, _WIDTH - 10, 22, _HEIGHT - 36

    def across(percent: float) -> float:
        return left + percent / 100 * (right - left)

    def up(percent: float) -> float:
        return bottom - percent / 100 * (bottom - top)

    lines = []
    for curve in own:
        places = " ".join(f"{across(p.lost):.1f},{up(p.caught):.1f}" for p in curve.points)
        lines.append(f'<polyline points="{places}" fill="none" stroke="{colours[curve.model]}"/>')
    ticks = "".join(
        f'<text x="{across(mark):.0f}" y="{bottom + 13}" text-anchor="middle">{mark}</text>'
        f'<text x="{left - 4}" y="{up(mark) + 4:.0f}" text-anchor="end">{mark}</text>'
        for mark in (0, 25, 50, 75, 100)
    )
    return (
        f'<text x="{left}" y="14" font-weight="bold">{escape(lang)}</text>'
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="black"/>'
        f'<path d="M{left} {bottom}L{right} {top}" stroke="#bbb" stroke-dasharray="3 3"/>{ticks}'
        f'<text x="{(left + right) / 2}" y="{bottom + 28}" text-anchor="middle">'
        f"% of references lost, against % of relatives caught</text>{''.join(lines)}"
    )
