"""The pictures of calibrations and of language-ID curves, as SVG files drawn by matplotlib."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sealdata.extras import require
from sealdata.gold.calibrate import Calibration, Spread
from sealdata.gold.curves import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3  # panels side by side
_PANEL = (4.0, 2.4)  # inches
# ColorBrewer, PRGn and RdBu: green for good pairs, red and orange for negatives.
_KIND_COLOURS = {
    "good": "#1b7837",
    "shuffled": "#b2182b",
    "next": "#ef8a62",
    "other language": "#b2182b",
}
_MODEL_COLOURS = ("#1b7837", "#b2182b", "#2166ac", "#762a83", "#8c510a")
_STYLE: Any = {
    "svg.hashsalt": "sealdata",  # ids are random otherwise, and equal results give other bytes
    "svg.fonttype": "none",  # text stays text
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 8,
    "axes.titlesize": "medium",
    "legend.fontsize": "medium",
    "legend.frameon": False,
}


def plot_calibrations(calibrations: Sequence[Calibration]) -> str:
    """An SVG document: a panel for each score and language.

    A panel shows the shares of good pairs and of each kind of negatives, and the limit.
    """
    with _figure(len(calibrations)) as figure:
        for axes, calibration in zip(figure.axes, calibrations, strict=True):
            for spread in (calibration.good, *calibration.negatives):
                colour = _KIND_COLOURS[spread.kind]
                edges = calibration.bins
                axes.stairs(_shares(spread), edges, fill=True, alpha=0.25, color=colour)
                axes.stairs(_shares(spread), edges, color=colour, label=spread.kind)
            axes.axvline(calibration.limit, color="black", linestyle="--", linewidth=1)
            axes.set_title(f"{calibration.score} {calibration.lang}, limit {calibration.limit:g}")
            axes.set_yticks([])  # the shares depend on the number of bins
            axes.legend()
        return _svg(figure)


def plot_curves(curves: Sequence[Curve]) -> str:
    """An SVG document: a panel per language, a line per model.

    The dashed diagonal is a model that cannot distinguish the languages.
    """
    langs = list(dict.fromkeys(curve.lang for curve in curves))
    models = list(dict.fromkeys(curve.model for curve in curves))
    with _figure(len(langs)) as figure:
        for axes, lang in zip(figure.axes, langs, strict=True):
            for curve in curves:
                if curve.lang == lang:
                    colour = _MODEL_COLOURS[models.index(curve.model) % len(_MODEL_COLOURS)]
                    lost = [point.lost for point in curve.points]
                    caught = [point.caught for point in curve.points]
                    axes.plot(lost, caught, color=colour, label=curve.model)
            axes.plot([0, 100], [0, 100], color="#bbbbbb", linestyle="--", linewidth=1)
            axes.set(title=lang, xlabel="% of references lost", ylabel="% of relatives caught")
            axes.legend()
        return _svg(figure)


@contextmanager
def _figure(num_panels: int) -> Iterator["Figure"]:
    """A figure with its panels in rows of at most _COLUMNS; the style holds until it is saved."""
    require("--plot", "matplotlib")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(num_panels, _COLUMNS)
    rows = -(-num_panels // _COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure((_PANEL[0] * columns, _PANEL[1] * rows), layout="constrained")
        for number in range(num_panels):
            figure.add_subplot(rows, columns, number + 1)
        yield figure


def _svg(figure: "Figure") -> str:
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _shares(spread: Spread) -> list[float]:
    total = sum(spread.histogram) or 1
    return [count / total for count in spread.histogram]
