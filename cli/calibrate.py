"""`sealdata calibrate`: thresholds from references and wrong pairs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import AS_JSON, REFS, progress_options
from .tables import table
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.gold.calibrate import Calibration
    from sealdata.workflow.progress import ProgressOptions


@click.command()
@click.argument("recipe")
@REFS
@click.option(
    "--score",
    "scores",
    multiple=True,
    metavar="NAME",
    help="A score where more is better, such as laser.cosine or lid.tgt_prob; may be repeated.  "
    "[default: those with a min in the recipe's rules on language ID and similarity]",
)
@click.option(
    "--false-reject",
    type=click.FloatRange(0, 50),
    default=1.0,
    show_default=True,
    metavar="PERCENT",
    help="Largest share of good pairs below the limit.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="Write histograms to this SVG file.")
@AS_JSON
@progress_options
def calibrate(
    recipe: str,
    refs: Path,
    scores: tuple[str, ...],
    false_reject: float,
    plot: Path | None,
    as_json: bool,
    shown: "ProgressOptions",
) -> None:
    """Compare the scores of references and of wrong pairs, and print limits for RECIPE.

    For a similarity, a wrong pair has the English of a random line or of the next line. For
    language ID, it has a line of another language; in place of English, a line of the language
    itself. The lines for the recipe come last, on stdout.

    \b
    Example:
        sealdata calibrate my-recipe.toml --refs flores200_dataset/dev --plot limits.svg
        sealdata calibrate my-recipe.toml --refs NTREX/NTREX-128 --score laser.cosine
    """
    import json

    from sealdata.files.records import write_atomic
    from sealdata.gold.calibrate import CALIBRATE, recipe_lines
    from sealdata.gold.calibrate import calibrate as measure
    from sealdata.gold.plot import plot_calibrations
    from sealdata.pipeline.plan import load_plan

    plan = load_plan(recipe)
    tell = partial(echo, err=True)
    with shown.open("calibrate", [CALIBRATE]) as progress:
        calibrations = measure(plan, refs, scores, false_reject / 100, tell, progress)
    if as_json:
        echo(json.dumps([result.model_dump() for result in calibrations], indent=1))
    else:
        _show(calibrations)
        echo()
        echo(recipe_lines(calibrations, plan), nl=False)
    if plot is not None:  # last: a path that cannot be written must not lose the measurement
        svg = plot_calibrations(calibrations)
        write_atomic(plot, lambda temporary: temporary.write_text(svg, encoding="utf-8"))
        echo(f"written: {plot}", err=True)


def _show(calibrations: "Sequence[Calibration]") -> None:
    """A row per score, language and kind of pair."""
    from sealdata.gold.calibrate import QUANTILES

    marks = [f"{100 * quantile:g} %" for quantile in QUANTILES]
    head = ["score", "language", "pairs of kind", "pairs", *marks, "limit", "below", "AUC"]
    rows = []
    for result in calibrations:
        for spread in (result.good, *result.negatives):
            good = spread.kind == "good"
            below = result.rejected if good else 1 - (spread.accepted or 0)
            rows.append(
                [
                    result.score if good else "",
                    result.lang if good else "",
                    spread.kind,
                    f"{spread.pairs - spread.missing:,}",
                    *(f"{value:.3f}" for value in spread.quantiles or [float("nan")] * len(marks)),
                    f"{result.limit:g}" if good else "",
                    f"{100 * below:.1f} %",
                    "" if spread.auc is None else f"{spread.auc:.4f}",
                ]
            )
    echo(table(head, rows, text=["language", "pairs of kind"]))
