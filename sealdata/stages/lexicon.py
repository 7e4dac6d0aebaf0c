"""The lexicon of a language: the steps that draw pairs, learn from them and judge every pair.

``Draw`` takes pairs of a part by hash. ``Learn`` makes one lexicon of what was drawn from all
sources of a language. ``ScorePairs`` asks it about the pairs of a part, and about their neighbours.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.files.frames import read_frame, read_part, slices, write_frame
from sealdata.files.records import PartRecord
from sealdata.filter_stages import RuleStage
from sealdata.kernels.lexicon import Floats
from sealdata.lexicon.model import Lexicon
from sealdata.shards.shuffle import row_keys
from sealdata.stages.margin import save
from sealdata.stages.rules import RuleEvaluator
from sealdata.stages.vectors import read_array
from sealdata.workflow.stage import Step

LEXICON = "lexicon"  # the one part of ``Learn``
SEED = 1  # of the hash by which pairs are drawn: another recipe seed must not learn again
SHIFTS = (-2, -1, 1, 2)  # lines by which a run may have slipped
SURE = 0.8  # pairs with as much evidence have not slipped and are not compared
_DECIMALS = 4
_SLICE_BYTES = 8 << 20  # of text judged at a time

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Draw(Step):
    """Draws the pairs of a part whose hash is low enough, of those that survive so far."""

    name: ClassVar[str] = "lexicon-draw"

    evaluator: RuleEvaluator
    before: RuleStage
    share: float  # of all rows of the source, 0 to 1

    def params(self) -> list[Any]:
        """The share and the seed; which pairs survive is an input."""
        return [self.share, SEED]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``key`` (u64, ascending), ``src`` and ``tgt``."""
        path = self.evaluator.cleaned.folder / f"{part}.parquet"
        surviving = self.evaluator.evaluate(part, before=self.before).surviving
        key = row_keys(read_frame(path, columns=["source", "row"]), SEED)
        limit = pl.lit(min(int(self.share * 2**64), 2**64 - 1), pl.UInt64)
        low = key.to_frame().select(pl.col("key") <= limit).to_series()
        drawn = read_frame(path, columns=["src", "tgt"]).with_columns(key).filter(surviving & low)
        write_frame(drawn.select("key", "src", "tgt").sort("key"), folder / f"{part}.parquet")
        rows, facts = key.len(), {"drawn": drawn.height}
        return PartRecord(part=part, rows_in=rows, rows_out=rows, facts=facts)


@dataclass(frozen=True)
class Learn(Step):
    """Learns the lexicon of a language from at most ``max_pairs`` drawn pairs."""

    name: ClassVar[str] = "lexicon-learn"

    drawn: tuple[tuple[Path, ...], ...]  # by source: the files of ``Draw``
    max_pairs: int
    min_pairs: int

    def params(self) -> list[int]:
        """How many pairs."""
        return [self.max_pairs, self.min_pairs, len(self.drawn)]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``lexicon.NAME.npy`` for each array, and ``lexicon.drawn.npy``: the keys of the
        pairs learnt from, ascending. Facts: ``pairs`` and whether a lexicon was ``learnt``."""
        sources = [pl.concat(map(read_frame, files)).sort("key") for files in self.drawn if files]
        sizes = shares([frame.height for frame in sources], self.max_pairs)
        taken = [frame.head(size) for frame, size in zip(sources, sizes, strict=True)]
        none = pl.DataFrame(schema={"key": pl.UInt64, "src": pl.String, "tgt": pl.String})
        pairs = pl.concat([none, *taken]).sort("key")
        learnt = pairs.height >= self.min_pairs
        if learnt:
            lexicon = Lexicon.learnt(pairs["src"], pairs["tgt"])
            learnt = lexicon.tells_apart
        if learnt:
            for name, array in lexicon.arrays().items():
                save(folder / f"{part}.{name}.npy", array)
            save(folder / f"{part}.drawn.npy", pairs["key"].to_numpy())
        facts = {"pairs": pairs.height, "learnt": learnt}
        return PartRecord(part=part, rows_in=sum(sizes), rows_out=sum(sizes), facts=facts)


def shares(heights: list[int], total: int) -> list[int]:
    """How many rows to take of each source: all of small ones, equally many of the others."""
    taken, left = [0] * len(heights), total
    for num_done, index in enumerate(sorted(range(len(heights)), key=heights.__getitem__)):
        taken[index] = min(heights[index], left // (len(heights) - num_done))
        left -= taken[index]
    return taken


@dataclass(frozen=True)
class ScorePairs(Step):
    """Writes ``evidence``, ``slip`` and ``gap`` (float32), aligned with the part's rows.

    They are null for pairs that were dropped before, for those with too few known units, and for
    all where no lexicon was learnt.
    """

    name: ClassVar[str] = "lexicon"

    evaluator: RuleEvaluator
    before: RuleStage
    lexicon: Path | None  # the folder of ``Learn``, if it has learnt one

    def params(self) -> list[Any]:
        """Whether there is a lexicon; which pairs survive is an input."""
        return [self.lexicon is not None, list(SHIFTS), SURE]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: ``scored``, how many pairs have evidence."""
        pairs = read_part(self.evaluator.cleaned.folder / f"{part}.parquet")
        surviving = self.evaluator.evaluate(part, before=self.before).surviving.to_numpy()
        columns = {name: np.full(len(surviving), np.nan) for name in ("evidence", "slip", "gap")}
        if self.lexicon is not None:
            part_pairs = _PartPairs(
                self.lexicon, pairs.select("source", "row", "src", "tgt"), surviving
            )
            columns["evidence"], columns["gap"] = part_pairs.evidence_and_gap()
            columns["slip"] = part_pairs.slips(columns["evidence"])
        frame = pl.DataFrame(
            [
                pl.Series(name, values, nan_to_null=True).round(_DECIMALS).cast(pl.Float32)
                for name, values in columns.items()
            ]
        )
        write_frame(frame, folder / f"{part}.parquet")
        scored = len(surviving) - frame["evidence"].null_count()
        rows = frame.height
        return PartRecord(part=part, rows_in=rows, rows_out=rows, facts={"scored": scored})


class _PartPairs:
    """The pairs of a part, and what the lexicon says of them."""

    def __init__(self, folder: Path, pairs: pl.DataFrame, surviving: Bools) -> None:
        # As plain arrays: kernels do not know those of files.
        read_named = lambda name: np.asarray(read_array(folder / f"{LEXICON}.{name}.npy"))  # noqa: E731
        self.lexicon = Lexicon.of(read_named)
        self.pairs, self.surviving = pairs, surviving
        drawn = read_array(folder / f"{LEXICON}.drawn.npy")
        self.drawn = np.isin(row_keys(pairs, SEED).to_numpy(), drawn)

    def evidence_and_gap(self) -> tuple[Floats, Floats]:
        """Evidence and gap of every surviving pair, NaN for the others."""
        rows = np.flatnonzero(self.surviving)
        return self._asked(rows, rows, self.drawn[rows], len(self.surviving))

    def _asked(
        self, src_rows: npt.NDArray[np.int64], tgt_rows: npt.NDArray[np.int64],
        learnt_from: Bools, height: int,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """Evidence and gap of sources with targets, by the row of the target."""
        evidence, gap = np.full(height, np.nan), np.full(height, np.nan)
        texts = pl.DataFrame([self.pairs["src"][src_rows], self.pairs["tgt"][tgt_rows]])
        start = 0
        for texts_of_slice in slices(texts, ["src", "tgt"], _SLICE_BYTES):
            stop = start + texts_of_slice.height
            row = np.arange(texts_of_slice.height)
            sums = self.lexicon.evidence(
                texts_of_slice["src"],
                texts_of_slice["tgt"],
                np.stack([row, row], axis=1),
                learnt_from[start:stop],
            )
            evidence[tgt_rows[start:stop]] = self.lexicon.scaled(sums)
            gap[tgt_rows[start:stop]] = self.lexicon.gaps(sums)
            start = stop
        return evidence, gap

    def slips(self, evidence: Floats) -> Floats:
        """For each pair with evidence, the best mean gain of three neighbouring rows under one
        shift of the sources against the targets."""
        height = len(evidence)
        unsure = np.flatnonzero(evidence < SURE)
        best = np.full(height, -np.inf)
        for shift in SHIFTS:
            targets = unsure[(unsure + shift >= 0) & (unsure + shift < height)]
            other, _ = self._asked(
                targets + shift, targets, np.zeros(len(targets), np.bool_), height
            )
            gain = np.nan_to_num(other - evidence, nan=0.0)
            best = np.maximum(best, best_window(gain))
        best[evidence >= SURE] = 0  # it has not slipped, whatever its neighbours have
        return np.where(np.isnan(evidence), np.nan, best)


def best_window(gain: Floats) -> Floats:
    """For each row, the largest mean of three neighbouring rows that include it; rows beyond the
    ends count as 0."""
    padded = np.pad(gain, 2)
    means = (padded[:-2] + padded[1:-1] + padded[2:]) / 3  # [rows + 2]: the one around each row
    return np.maximum(np.maximum(means[:-2], means[1:-1]), means[2:])
