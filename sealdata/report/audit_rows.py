"""What an audit looks at: every row of a build's ledger, or a sample of a corpus scored in full."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from sealdata.files.frames import count_rows
from sealdata.report.ledger import batches, dropped_files, kept_files

Z = 2.576  # of the normal distribution: errors are stated at 99 % confidence


@dataclass(frozen=True)
class Evidence:
    """The rows behind an audit's figures.

    ``rows`` of a language is None where all rows are in ``files``; in a sample it is the number of
    readable pairs that the rows stand for. Its rows weigh alike, since parts are drawn from in
    proportion.
    """

    files: dict[str, list[Path]]  # by language
    rows: dict[str, int] | None = None

    @property
    def exact(self) -> bool:
        """Whether counts are counts, not estimates."""
        return self.rows is None

    @cached_property
    def heights(self) -> dict[str, int]:
        """Rows on disk, by language."""
        return {lang: sum(map(count_rows, paths)) for lang, paths in self.files.items()}

    def population(self, lang: str) -> int:
        """Rows that the rows on disk stand for."""
        return self.heights[lang] if self.rows is None else self.rows[lang]

    def weight(self, lang: str) -> float:
        """How many pairs one row stands for."""
        height = self.heights[lang]
        return self.population(lang) / height if height else 0.0

    def frames(self, lang: str, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Rows in bounded batches, always with ``stage``, ``reason`` and ``reasons`` (null, null
        and [] for a kept pair); ``complete`` marks rows scored by every scorer."""
        for path in self.files[lang]:
            has = pl.read_parquet_schema(path)
            wanted = None
            if columns is not None:
                always = ("stage", "reason", "reasons", "source", "row")
                wanted = [name for name in dict.fromkeys((*columns, *always)) if name in has]
            for frame in batches([path], wanted):
                yield self._filled(frame)

    def _filled(self, frame: pl.DataFrame) -> pl.DataFrame:
        if "reasons" not in frame.columns:
            frame = frame.with_columns(
                stage=pl.lit(None, pl.String),
                reason=pl.lit(None, pl.String),
                reasons=pl.lit([], pl.List(pl.String)),
            )
        return frame if self.exact else frame.with_columns(complete=True)

    def estimate(self, lang: str, rows: float) -> int:
        """``rows`` on disk, as the number of pairs they stand for."""
        return round(rows * self.weight(lang))

    def error(self, lang: str, share: float) -> float:
        """Half the width of the 99 % interval of a share of the pairs of ``lang``; 0 if counted."""
        return 0.0 if self.exact else share_error(share, self.heights[lang], self.population(lang))

    def part_error(self, lang: str, part: int, whole: int) -> float:
        """The same of ``part`` of ``whole`` estimated pairs of ``lang``."""
        if self.exact or not whole:
            return 0.0
        return share_error(part / whole, round(whole / self.weight(lang)), whole)


def share_error(share: float, sampled: int, population: int) -> float:
    """Half the width of the interval of a share seen in ``sampled`` of ``population`` rows.

    Normal, with Agresti and Coull's added observations, so that a share of 0 has an error too, and
    with the correction for a finite population. Stratified rows err less than this says.

    Source: Agresti and Coull 1998; Cochran 1977, chapter 3.
    """
    if sampled == 0:
        return 1.0
    centre = (share * sampled + Z * Z / 2) / (sampled + Z * Z)
    width = Z * math.sqrt(centre * (1 - centre) / (sampled + Z * Z))
    finite = math.sqrt(max(0.0, 1 - sampled / population))
    return (width + abs(centre - share)) * finite


def ledger_evidence(out: Path, languages: list[str]) -> Evidence:
    """All rows of the finished build in ``out``: kept first, then dropped."""
    return Evidence({lang: kept_files(out, lang) + dropped_files(out, lang) for lang in languages})
