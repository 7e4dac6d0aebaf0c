"""The rows of an audit: all rows of a build, or a sample of a corpus that all scorers saw."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from sealdata.files.parquet import count_rows, schema_of
from sealdata.report.ledger import batches, dropped_files, kept_files

Z = 2.576  # quantile of the normal distribution for errors at 99 % confidence


@dataclass(frozen=True)
class AuditRows:
    """The rows behind an audit's figures.

    ``rows`` is None if ``files`` hold all rows. In a sample it is the number of readable pairs
    that the sampled rows of each language represent. Each row then has the same weight, because
    each part contributes rows in proportion to its size.
    """

    files: dict[str, list[Path]]  # by language
    rows: dict[str, int] | None = None

    @property
    def exact(self) -> bool:
        """Whether figures are counted, not estimated."""
        return self.rows is None

    @cached_property
    def heights(self) -> dict[str, int]:
        """Rows on disk, by language."""
        return {lang: sum(map(count_rows, paths)) for lang, paths in self.files.items()}

    def population(self, lang: str) -> int:
        """Pairs that the rows on disk represent."""
        return self.heights[lang] if self.rows is None else self.rows[lang]

    def weight(self, lang: str) -> float:
        """How many pairs one row represents."""
        height = self.heights[lang]
        return self.population(lang) / height if height else 0.0

    def frames(self, lang: str, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Rows in batches of bounded size.

        They always have ``stage``, ``reason`` and ``reasons`` (null, null and [] for a kept pair).
        In a sample they also have ``complete``: every scorer saw them.
        """
        for path in self.files[lang]:
            has = schema_of(path)
            selected = None
            if columns is not None:
                always = ("stage", "reason", "reasons", "source", "row")
                selected = [name for name in dict.fromkeys((*columns, *always)) if name in has]
            for frame in batches([path], selected):
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
        """The number of pairs that ``rows`` rows on disk represent."""
        return round(rows * self.weight(lang))

    def error(self, lang: str, share: float) -> float:
        """Half the width of the 99 % interval of a share of a language's pairs; 0 if counted."""
        return 0.0 if self.exact else share_error(share, self.heights[lang], self.population(lang))

    def part_error(self, lang: str, part: int, whole: int) -> float:
        """The same for the share that ``part`` has of ``whole`` estimated pairs of ``lang``."""
        if self.exact or not whole:
            return 0.0
        return share_error(part / whole, round(whole / self.weight(lang)), whole)


def share_error(share: float, sampled: int, population: int) -> float:
    """Half the width of the 99 % interval of a share seen in ``sampled`` of ``population`` rows.

    The approximation is normal, with the added observations of Agresti and Coull: a share of 0 has
    an error too. It is corrected for a finite population. The rows are stratified, so that their
    true error is smaller.

    Source: Agresti and Coull 1998; Cochran 1977, chapter 3.
    """
    if sampled == 0:
        return 1.0
    centre = (share * sampled + Z * Z / 2) / (sampled + Z * Z)
    width = Z * math.sqrt(centre * (1 - centre) / (sampled + Z * Z))
    finite = math.sqrt(max(0.0, 1 - sampled / population))
    return (width + abs(centre - share)) * finite


def ledger_rows(out: Path, languages: list[str]) -> AuditRows:
    """All rows of the finished build in ``out``, kept pairs before dropped ones."""
    return AuditRows({lang: kept_files(out, lang) + dropped_files(out, lang) for lang in languages})
