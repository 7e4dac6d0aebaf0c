"""Pictures of runs: their curves, and settings side by side."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sealtrain.compare import BY_LANGUAGE, Setting, english_bits, languages, read_steps
from sealtrain.errors import ConfigError, DataError

# matplotlib takes long to import, and `sealtrain --help` must not wait for it.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind people can distinguish; after seven lines, the dashes
# differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", "-.", ":")
SMOOTHING = 0.9  # weight of the past in the smoothed loss; the raw loss is drawn behind it
TITLES = ("English, bits/byte", "from English, nats", "to English, nats", "own text, bits/byte")
PANELS = (("loss", "loss, nats per label"), ("lr", "learning rate"), ("grad_norm", "gradient norm"))


def plot_runs(runs: Sequence[Path], path: Path) -> None:
    """Draw loss, learning rate and gradient norm of each run over its tokens, into one file.

    Raises:
        ConfigError: the format of the file is unknown.
        DataError: a run has no log.
    """
    figure = _figure(len(PANELS))
    for number, run in enumerate(runs):
        # The whole log decides the types: the first rows may hold whole numbers only.
        steps = pl.DataFrame(read_steps(run), infer_schema_length=None)
        # Tokens and not steps: runs with other batch sizes are then comparable.
        tokens = steps["num_tokens"].cum_sum() / 1e6
        style: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
        }
        for axes, (key, _) in zip(figure.axes, PANELS, strict=True):
            values = steps[key]
            if key == "loss":
                axes.plot(tokens, values, alpha=0.2, linewidth=0.8, **style)
                values = smooth(values)
            axes.plot(tokens, values, label=run.name, linewidth=1.4, **style)
    for axes, (_, label) in zip(figure.axes, PANELS, strict=True):
        axes.set_ylabel(label)
    # A few spikes would flatten all the rest on a linear axis.
    figure.axes[2].set_yscale("log")
    figure.axes[-1].set_xlabel("million tokens")
    figure.axes[0].legend(frameon=False, fontsize=8, ncols=2)
    _save(figure, path)


def plot_settings(settings: Sequence[Setting], path: Path) -> None:
    """Draw the held-out losses of every setting: English, then each language's pairs and own text.

    A dot is the mean over seeds, and a bar its 95 % interval.

    Raises:
        ConfigError: the format of the file is unknown.
        DataError: no run has held-out pairs.
    """
    # Languages of all runs: a run without one has a gap in its row and no dot.
    codes = languages(settings)
    if not codes:
        raise DataError("no run has a loss on held-out pairs, so there is nothing to draw")
    # The height grows with the number of dots in a column, so that they stay apart.
    figure = _figure(len(TITLES), height=0.9 + 0.11 * len(codes) * len(settings), rows=False)
    for number, setting in enumerate(settings):
        _dot(figure.axes[0], setting.over_seeds(english_bits), number, number)
        for axes, measure in zip(figure.axes[1:], BY_LANGUAGE.values(), strict=True):
            for row, code in enumerate(codes):
                # Settings share a band of 0.8 around the row of their language.
                height = row + 0.8 * number / len(settings) - 0.4
                _dot(axes, setting.over_seeds(partial(measure, lang=code)), height, number)
    for axes, title in zip(figure.axes, TITLES, strict=True):
        axes.set_yticks(range(len(codes)), codes, fontsize=8)
        axes.set_title(title, fontsize=8)
        # Row 0 is at the top, as in a table.
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
    figure.axes[0].set_yticks(range(len(settings)), [s.name for s in settings], fontsize=8)
    _save(figure, path)


def smooth(values: pl.Series) -> pl.Series:
    """The exponential mean of a curve, unbiased at its start; only finite values count."""
    # An infinite value would make all later means infinite.
    finite = values.to_frame("x").select(pl.when(pl.col("x").is_finite()).then("x")).to_series()
    return finite.ewm_mean(alpha=1 - SMOOTHING, ignore_nulls=True)


def _dot(axes: Any, spread: Any, height: float, number: int) -> None:
    if spread is not None:
        # Markers shift by one after each seven settings, so that no two of 49 look alike.
        colour, marker = COLOURS[number % 7], "osD^vPX"[(number + number // 7) % 7]
        ends = spread.mean - spread.half_interval, spread.mean + spread.half_interval
        axes.plot(ends, [height] * 2, color=colour, linewidth=1.5)
        axes.plot([spread.mean], [height], marker=marker, color=colour, markersize=4)


def _figure(num_panels: int, height: float = 8.0, rows: bool = True) -> "Figure":
    """A figure with its panels in rows, or side by side."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # fonttype none: text stays text, which is smaller and can be searched.
    mpl.rc("svg", hashsalt="sealtrain", fonttype="none")  # ids of elements are reproducible
    mpl.rc("axes.spines", top=False, right=False)
    size = (7.5, height) if rows else (12, max(height, 3.0))
    figure = Figure(figsize=size, layout="constrained")
    # Panels in rows share the axis of tokens; panels side by side have units of their own.
    figure.subplots(num_panels if rows else 1, 1 if rows else num_panels, sharex=rows)
    return figure


def _save(figure: "Figure", path: Path) -> None:
    """Write the figure in the format of the file's name; an SVG has no date: it is reproducible."""
    # Before drawing into the file, so that a wrong name leaves no empty file.
    if path.suffix.lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise ConfigError(f"{path}: name it .png, .svg or .pdf")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
