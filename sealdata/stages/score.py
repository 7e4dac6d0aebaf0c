"""Score: fill in the scores of the pairs that earlier gates let pass; none is scored twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.frames import read_frame, slices, write_frame
from sealdata.manifest import PartRecord
from sealdata.rules import Judge
from sealdata.scorers import Phase, Scorer

SLICE_BYTES = 4 << 20  # of text scored at a time


@dataclass(frozen=True)
class Score:
    """Runs the scorers of one phase over a part's living pairs.

    The columns live in a store per scorer whose name does not depend on gates: when a moved
    threshold lets more pairs through, only those are scored, and the rest is read back.
    """

    phase: Phase
    scorers: Mapping[str, Scorer]
    judge: Judge

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: how many pairs are alive at this gate."""
        pairs = read_frame(self.judge.cleaned / f"{part}.parquet")
        alive = self.judge.judge(part, until=self.phase).alive
        for name, scorer in self.scorers.items():
            fill(self.judge.stores[name] / f"{part}.parquet", scorer, pairs, alive)
        return PartRecord(
            part=part,
            rows_in=pairs.height,
            rows_out=pairs.height,
            facts={"alive": int(alive.sum())},
        )


def fill(path: Path, scorer: Scorer, pairs: pl.DataFrame, wanted: pl.Series) -> None:
    """Bring the score file ``path`` to cover all ``wanted`` rows of ``pairs``.

    The file has a row per pair: the scorer's columns (null where not scored) and ``scored``.
    """
    stored = read_frame(path) if path.exists() else None
    todo = wanted if stored is None else wanted & ~stored["scored"]
    if stored is not None and not todo.any():
        return
    fresh = _spread(_scored(pairs.filter(todo), scorer), scorer, todo)
    if stored is not None:
        columns = [pl.coalesce(pl.col(name), stored[name]).alias(name) for name in scorer.columns]
        fresh = fresh.select(*columns, pl.col("scored") | stored["scored"])
    write_frame(fresh, path)


def _scored(pairs: pl.DataFrame, scorer: Scorer) -> pl.DataFrame:
    """The scores of ``pairs``. What looks at the text alone does so slice by slice; a model may
    batch all of a part as it likes."""
    if scorer.phase != "text" or not pairs.height:
        return scorer.score(pairs)
    return pl.concat(map(scorer.score, slices(pairs, ["src", "tgt"], SLICE_BYTES)))


def _spread(scores: pl.DataFrame, scorer: Scorer, rows: pl.Series) -> pl.DataFrame:
    """Scores of the marked rows, put at their places in a frame with a row for every pair."""
    assert scores.columns == list(scorer.columns), f"{type(scorer).__name__}: {scores.columns}"
    assert scores.height == rows.sum(), f"{type(scorer).__name__}: {scores.height} rows"
    if rows.all():
        return scores.with_columns(scored=rows)
    places = scores.with_columns(place=rows.arg_true())
    every = pl.DataFrame({"place": pl.int_range(rows.len(), dtype=pl.UInt32, eager=True)})
    joined = every.join(places, on="place", how="left", maintain_order="left").drop("place")
    return joined.with_columns(scored=rows)
