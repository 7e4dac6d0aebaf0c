"""Score: fill in the scores of the pairs that earlier gates let pass; none is scored twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from sealdata.files.frames import read_frame, read_part, slices, write_frame
from sealdata.files.records import PartRecord
from sealdata.scorers import Phase, Scorer
from sealdata.stages.rules import Judge
from sealdata.stages.vectors import add_vectors
from sealdata.workflow.stage import seal, sound, unseal

SLICE_BYTES = 8 << 20  # of text scored at a time


@dataclass(frozen=True)
class Score:
    """Runs the scorers of one phase over a part's living pairs.

    The columns live in a store per scorer whose name does not depend on gates: when a moved
    threshold lets more pairs through, only those are scored, and the rest is read back.
    """

    phase: Phase
    scorers: Mapping[str, Scorer]
    judge: Judge
    vectors: Mapping[str, Path] = field(default_factory=dict)  # by scorer: where embeddings stay

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: how many pairs are alive at this gate, and a digest of which."""
        pairs = read_part(self.judge.cleaned / f"{part}.parquet")
        alive = self.judge.judge(part, until=self.phase).alive
        paths = {name: self.judge.stores[name] / f"{part}.parquet" for name in self.scorers}
        if self.phase == "text":
            fill_text(paths, self.scorers, pairs, alive)
        else:
            for name, scorer in self.scorers.items():
                if name in self.vectors:
                    embedded = add_vectors(self.vectors[name], part, scorer, pairs, alive)
                    if embedded is not None:
                        _merge(paths[name], scorer, *embedded)
                fill(paths[name], scorer, pairs, alive)
        return PartRecord(
            part=part,
            rows_in=pairs.height,
            rows_out=pairs.height,
            facts={"alive": int(alive.sum()), "living": _digest(alive)},
        )


def _digest(alive: pl.Series) -> str:
    return hashlib.sha256(np.packbits(alive.to_numpy()).tobytes()).hexdigest()[:16]


def fill(path: Path, scorer: Scorer, pairs: pl.DataFrame, wanted: pl.Series) -> None:
    """Bring the score file ``path`` to cover all ``wanted`` rows of ``pairs``.

    The file has a row per pair: the scorer's columns (null where not scored) and ``scored``.
    """
    todo = _missing(path, wanted)
    if todo is not None:
        _merge(path, scorer, todo, scorer.score(pairs.filter(todo)))


def fill_text(
    paths: Mapping[str, Path], scorers: Mapping[str, Scorer], pairs: pl.DataFrame, wanted: pl.Series
) -> None:
    """The same for scorers that look at the text alone: they take turns at one slice of it, which
    is in the processor's cache and of which they share what they count."""
    groups: list[tuple[pl.Series, list[str]]] = []  # scorers by the rows that they lack
    for name, path in paths.items():
        todo = _missing(path, wanted)
        if todo is not None:
            same = next((names for rows, names in groups if rows.equals(todo)), None)
            groups.append((todo, [name])) if same is None else same.append(name)
    for todo, names in groups:
        scores = score_slices({name: scorers[name] for name in names}, pairs.filter(todo))
        for name in names:
            _merge(paths[name], scorers[name], todo, scores.pop(name))


def score_slices(scorers: Mapping[str, Scorer], pairs: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The scores of ``pairs`` by scorers that look at the text alone."""
    columns: dict[str, list[pl.DataFrame]] = {name: [] for name in scorers}
    for part in slices(pairs, ["src", "tgt"], SLICE_BYTES) if pairs.height else [pairs]:
        for name, scorer in scorers.items():
            columns[name].append(scorer.score(part))
    return {name: pl.concat(found) for name, found in columns.items()}


def _missing(path: Path, wanted: pl.Series) -> pl.Series | None:
    """The wanted rows that the score file lacks; None where it is there and lacks none."""
    if not sound(path):
        path.unlink(missing_ok=True)
        return wanted
    todo = wanted & ~read_frame(path)["scored"]
    return todo if todo.any() else None


def _merge(path: Path, scorer: Scorer, rows: pl.Series, scores: pl.DataFrame) -> None:
    """Write ``scores``, those of the marked rows, beside what the file at ``path`` has."""
    fresh = _spread(scores, scorer, rows)
    if sound(path):
        stored = read_frame(path)
        columns = [pl.coalesce(stored[name], pl.col(name)).alias(name) for name in scorer.columns]
        fresh = fresh.select(*columns, pl.col("scored") | stored["scored"])
    unseal(path)
    write_frame(fresh, path)
    seal(path)


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
