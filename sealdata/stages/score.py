"""Score: computes the scores of pairs that survive so far; no pair is scored twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sealdata.files.frames import read_frame, read_part, slices, write_frame
from sealdata.files.records import PartRecord
from sealdata.filter_stages import RuleStage
from sealdata.scorers import Scorer
from sealdata.stages.rules import RuleEvaluator
from sealdata.stages.vectors import add_vectors
from sealdata.workflow.part_files import drop_checksum, is_intact, write_checksum
from sealdata.workflow.stage import Step

SLICE_BYTES = 8 << 20  # of text scored at a time


@dataclass(frozen=True)
class Score(Step):
    """Runs the scorers of one filter stage over the surviving pairs of a part.

    The columns are in a store per scorer. The name of the store does not depend on rules: when a
    moved threshold lets more pairs through, only those are scored.
    """

    stage: RuleStage
    scorers: Mapping[str, Scorer]
    evaluator: RuleEvaluator
    vectors: Mapping[str, Path] = field(default_factory=dict)  # by scorer: folder of embeddings

    def stage_name(self) -> str:
        """``score-rules``, ``score-lid`` or ``score-similarity``."""
        return f"score-{self.stage}"

    def params(self) -> list[Any]:
        """What decides which pairs survive, and the scorers."""
        stores = self.evaluator.stores
        prints = {name: stores[name].fingerprint for name in self.scorers}
        return [self.evaluator.params(before=self.stage), prints]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: how many pairs survive before this stage, and a digest of which."""
        pairs = read_part(self.evaluator.cleaned.folder / f"{part}.parquet")
        surviving = self.evaluator.evaluate(part, before=self.stage).surviving
        stores = self.evaluator.stores
        paths = {name: stores[name].folder / f"{part}.parquet" for name in self.scorers}
        if self.stage == "rules":
            # Scorers without models are fast enough for the memory traffic to matter.
            fill_text(paths, self.scorers, pairs, surviving)
        else:
            for name, scorer in self.scorers.items():
                if name in self.vectors:
                    embedded = add_vectors(self.vectors[name], part, scorer, pairs, surviving)
                    if embedded is not None:
                        _merge(paths[name], scorer, *embedded)
                fill(paths[name], scorer, pairs, surviving)
        return PartRecord(
            part=part,
            rows_in=pairs.height,
            rows_out=pairs.height,
            facts={"surviving": int(surviving.sum()), "surviving_digest": _digest(surviving)},
        )


def _digest(rows: pl.Series) -> str:
    return hashlib.sha256(np.packbits(rows.to_numpy()).tobytes()).hexdigest()[:16]


def fill(path: Path, scorer: Scorer, pairs: pl.DataFrame, needed: pl.Series) -> None:
    """Bring the score file ``path`` to cover all ``needed`` rows of ``pairs``.

    The file has a row per pair: the scorer's columns (null where not scored) and ``scored``.
    """
    todo = _missing(path, needed)
    if todo is not None:
        _merge(path, scorer, todo, scorer.score(pairs.filter(todo)))


def fill_text(
    paths: Mapping[str, Path], scorers: Mapping[str, Scorer], pairs: pl.DataFrame, needed: pl.Series
) -> None:
    """``fill`` for scorers that need no model. They take turns at one slice of the text, which then
    is in the processor's cache, and share what they count in it."""
    groups: list[tuple[pl.Series, list[str]]] = []  # scorers by the rows that they lack
    for name, path in paths.items():
        todo = _missing(path, needed)
        if todo is not None:
            same = next((names for rows, names in groups if rows.equals(todo)), None)
            groups.append((todo, [name])) if same is None else same.append(name)
    for todo, names in groups:
        scores = score_slices({name: scorers[name] for name in names}, pairs.filter(todo))
        for name in names:
            _merge(paths[name], scorers[name], todo, scores.pop(name))


def score_slices(scorers: Mapping[str, Scorer], pairs: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The scores of ``pairs`` by scorers that need no model."""
    columns: dict[str, list[pl.DataFrame]] = {name: [] for name in scorers}
    for part in slices(pairs, ["src", "tgt"], SLICE_BYTES) if pairs.height else [pairs]:
        for name, scorer in scorers.items():
            columns[name].append(scorer.score(part))
    return {name: pl.concat(frames) for name, frames in columns.items()}


def _missing(path: Path, needed: pl.Series) -> pl.Series | None:
    """The needed rows that the score file lacks; None where it has all of them."""
    if not is_intact(path):
        path.unlink(missing_ok=True)
        return needed
    # "scored" is a column of its own, because a score may be null for a pair that was scored.
    todo = needed & ~read_frame(path)["scored"]
    return todo if todo.any() else None


def _merge(path: Path, scorer: Scorer, rows: pl.Series, scores: pl.DataFrame) -> None:
    """Add ``scores``, those of the rows where ``rows`` is true, to the file at ``path``."""
    fresh = _spread(scores, scorer, rows)
    if is_intact(path):
        stored = read_frame(path)
        columns = [pl.coalesce(stored[name], pl.col(name)).alias(name) for name in scorer.columns]
        fresh = fresh.select(*columns, pl.col("scored") | stored["scored"])
    # Between these two lines the file has no checksum: a killed process leaves it unfinished.
    drop_checksum(path)
    write_frame(fresh, path)
    write_checksum(path)


def _spread(scores: pl.DataFrame, scorer: Scorer, rows: pl.Series) -> pl.DataFrame:
    """A frame with a row for every pair, null where ``rows`` is false."""
    assert scores.columns == list(scorer.columns), f"{type(scorer).__name__}: {scores.columns}"
    assert scores.height == rows.sum(), f"{type(scorer).__name__}: {scores.height} rows"
    if rows.all():
        return scores.with_columns(scored=rows)
    scored = scores.with_columns(row=rows.arg_true())
    every = pl.DataFrame({"row": pl.int_range(rows.len(), dtype=pl.UInt32, eager=True)})
    joined = every.join(scored, on="row", how="left", maintain_order="left").drop("row")
    return joined.with_columns(scored=rows)
